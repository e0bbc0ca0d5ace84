#include "holdfast/service.hpp"

#include <atomic>
#include <future>
#include <random>
#include <thread>
#include <utility>

#include "holdfast/outbox.hpp"
#include "holdfast/relay.hpp"
#include "ingress/server.hpp"
#include "observe/admin_server.hpp"
#include "observe/health.hpp"
#include "observe/history.hpp"
#include "observe/sampler.hpp"
#include "postgres/destination.hpp"

/// The one place that sees every folder. Start: outbox, writer, relay, admin, ingress, so that a
/// part runs before anybody hands it work. Stop goes the other way, along the data, and admin last,
/// so that an operator can watch the shutdown.
namespace holdfast {
namespace {

/// Time beyond shutdown_timeout for an interrupted delivery to come back.
constexpr std::chrono::seconds interrupt_grace{2};

std::vector<std::string> names_of(const std::vector<SourceConfig>& sources) {
  std::vector<std::string> names;
  for (const auto& source : sources) names.push_back(source.name);
  return names;
}

}  // namespace

std::string_view version() {
  return HOLDFAST_VERSION;
}

class Service::Impl {
 public:
  Impl(Config config, Dependencies dependencies)
      : config_(std::move(config)), dependencies_(std::move(dependencies)) {}

  std::expected<void, Failure> start() {
    return open_outbox()
        .and_then([this] { return start_relay(); })
        .and_then([this] { return start_admin(); })
        .and_then([this] { return start_ingress(); });
  }

  bool stop() {
    if (std::exchange(stopped_, true)) return ended_in_time_;
    shutting_down_ = true;
    sampler_thread_ = {};
    if (ingress_) ingress_->stop(config_.destination.shutdown_timeout);
    ended_in_time_ = stop_relay();
    if (writer_.joinable()) {
      writer_.request_stop();
      writer_.join();
    }
    if (outbox_) outbox_->close();
    if (admin_) admin_->stop();
    return ended_in_time_;
  }

  [[nodiscard]] HealthSnapshot health() const {
    HealthSnapshot snapshot;
    snapshot.at = dependencies_.clock.wall_now();
    snapshot.version = version();
    snapshot.node = outbox_->node().to_string();
    snapshot.shutting_down = shutting_down_;
    if (dependencies_.log_lines_dropped)
      snapshot.log_lines_dropped = dependencies_.log_lines_dropped();
    snapshot.outbox = outbox_->stats();
    snapshot.relay = relay_->stats();
    if (ingress_ready_) snapshot.ingress = ingress_->stats();
    sampler_.history().describe(snapshot, dependencies_.clock.steady_now());
    return snapshot;
  }
  [[nodiscard]] ListenAddress ingress_address() const { return ingress_->address(); }
  [[nodiscard]] ListenAddress admin_address() const { return admin_->address(); }

 private:
  std::expected<void, Failure> open_outbox() {
    auto opened = Outbox::open(config_.outbox, {.clock = dependencies_.clock,
                                                .log = dependencies_.log,
                                                .on_broken = dependencies_.on_broken,
                                                .vfs = {}});
    if (!opened) return std::unexpected(opened.error());
    outbox_ = std::move(*opened);
    return {};
  }

  /// One session for each connection; none without a URL.
  std::expected<std::vector<Destination*>, Failure> make_destinations() {
    std::vector<Destination*> destinations;
    const auto& destination = config_.destination;
    const auto count = destination.url.empty() ? 0 : destination.connections;
    while (destinations_.size() < count) {
      auto created = postgres::PostgresDestination::create(
          destination, config_.sources, outbox_->node(), dependencies_.clock, dependencies_.log);
      if (!created) return std::unexpected(created.error());
      destinations.push_back(created->get());
      destinations_.push_back(std::move(*created));
    }
    return destinations;
  }

  std::expected<void, Failure> start_relay() {
    auto destinations = make_destinations();
    if (!destinations) return std::unexpected(destinations.error());
    try {
      relay_ = std::make_unique<Relay>(Relay::Options{.destination = config_.destination,
                                                      .sources = names_of(config_.sources),
                                                      .jitter_seed = std::random_device{}()},
                                       Relay::Dependencies{.outbox = *outbox_,
                                                           .destinations = std::move(*destinations),
                                                           .clock = dependencies_.clock,
                                                           .log = dependencies_.log});
    } catch (const Error& error) {
      return std::unexpected(error.failure());
    }
    outbox_->on_appended([relay = relay_.get()] { relay->wake(); });
    writer_ = std::jthread([this](const std::stop_token& stop) { outbox_->run_writer(stop); });
    // noexcept: a task would keep what escapes for whoever asks, and deliver nothing meanwhile; a
    // process that ends is started again.
    std::packaged_task<void(std::stop_token)> task(
        [this](const std::stop_token& stop) noexcept { relay_->run(stop); });
    relay_ended_ = task.get_future();
    relay_thread_ = std::jthread(std::move(task));
    return {};
  }

  observe::Operations operations() {
    return {.outbox = outbox_.get(),
            .set_pause =
                [this](const auto& source, bool paused, const Actor& by) {
                  return paused ? relay_->pause(source, by) : relay_->resume(source, by);
                },
            .probe = [this](std::chrono::milliseconds limit) { return relay_->probe(limit); },
            .hold_back =
                [this](std::int64_t seq, std::chrono::milliseconds limit) {
                  return relay_->hold_back(seq, limit);
                }};
  }

  std::expected<void, Failure> start_admin() {
    auto started = observe::AdminServer::start(
        config_.admin,
        {.health = [this] { return health(); },
         .clock = dependencies_.clock,
         .log = dependencies_.log,
         .source_names = names_of(config_.sources),
         .history = [this] { return observe::history_json(sampler_.history().samples()); },
         .operations = operations()});
    if (!started) return std::unexpected(started.error());
    admin_ = std::move(*started);
    return {};
  }

  std::expected<void, Failure> start_ingress() {
    const auto reply = [this] {
      const auto snapshot = health();
      return ingress::IngressServer::HealthReply{observe::health_status_code(snapshot),
                                                 observe::health_json(snapshot)};
    };
    auto started = ingress::IngressServer::start(config_.ingress, config_.sources,
                                                 {.outbox = *outbox_,
                                                  .clock = dependencies_.clock,
                                                  .log = dependencies_.log,
                                                  .health = reply});
    if (!started) return std::unexpected(started.error());
    ingress_ = std::move(*started);
    ingress_ready_ = true;
    sampler_thread_ = std::jthread([this](const std::stop_token& stop) { sampler_.run(stop); });
    return {};
  }

  /// False if the relay's thread is stuck where nothing can interrupt it, such as a name look-up.
  bool stop_relay() {
    if (!relay_thread_.joinable()) return true;
    relay_thread_.request_stop();
    relay_->wake();
    if (relay_ended_.wait_for(config_.destination.shutdown_timeout) != std::future_status::ready)
      for (const auto& destination : destinations_) destination->interrupt();
    if (relay_ended_.wait_for(interrupt_grace) != std::future_status::ready) {
      dependencies_.log({LogLevel::warn, "shutdown_without_relay",
                         "The relay did not end in time; what it holds stays pending."});
      return false;
    }
    relay_thread_.join();
    return true;
  }

  // Constant after construction.
  const Config config_;
  const Dependencies dependencies_;
  // Guarded: any thread.
  observe::Sampler sampler_{[this] { return health(); }, dependencies_.clock, dependencies_.log};
  // Set by start, then constant. Declared in the order of start: destroyed the other way round.
  std::unique_ptr<Outbox> outbox_;
  std::vector<std::unique_ptr<postgres::PostgresDestination>> destinations_;
  std::unique_ptr<Relay> relay_;
  std::jthread writer_;
  std::future<void> relay_ended_;
  std::jthread relay_thread_;
  std::unique_ptr<observe::AdminServer> admin_;
  std::unique_ptr<ingress::IngressServer> ingress_;
  std::jthread sampler_thread_;
  // Atomic: any thread.
  std::atomic<bool> ingress_ready_{false};
  std::atomic<bool> shutting_down_{false};
  // Owned by the thread that starts and stops.
  bool stopped_ = false;
  bool ended_in_time_ = true;
};

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() {
  if (impl_) (void)impl_->stop();
}

std::expected<std::unique_ptr<Service>, Failure> Service::start(const Config& config,
                                                                Dependencies dependencies) {
  auto impl = std::make_unique<Impl>(config, std::move(dependencies));
  if (auto started = impl->start(); !started) {
    (void)impl->stop();
    return std::unexpected(started.error());
  }
  return std::unique_ptr<Service>(new Service(std::move(impl)));
}

ListenAddress Service::ingress_address() const {
  return impl_->ingress_address();
}
ListenAddress Service::admin_address() const {
  return impl_->admin_address();
}
HealthSnapshot Service::health() const {
  return impl_->health();
}
bool Service::stop() {
  return impl_->stop();
}

}  // namespace holdfast
