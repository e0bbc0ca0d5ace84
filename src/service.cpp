#include "holdfast/service.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <format>
#include <thread>
#include <utility>

#include "base/thread_name.hpp"
#include "config/difference.hpp"
#include "embedded/core.hpp"
#include "ingress/server.hpp"
#include "ingress/source.hpp"
#include "observe/admin_server.hpp"
#include "observe/health.hpp"
#include "observe/history.hpp"
#include "observe/sampler.hpp"

/// The one place that sees every folder. Start: outbox, writer, relay, admin, ingress, so that a
/// part runs before anybody hands it work. Stop goes the other way, along the data, and admin last,
/// so that an operator can watch the shutdown.
namespace holdfast {
namespace {

/// Of a broken outbox; writing them takes far less.
constexpr std::chrono::milliseconds last_answers_limit{250};

std::vector<std::string> names_of(const std::vector<SourceConfig>& sources) {
  std::vector<std::string> names;
  for (const auto& source : sources) names.push_back(source.name);
  return names;
}

std::unexpected<Failure> needs_restart(const std::vector<std::string>& keys) {
  std::string list;
  for (const auto& key : keys) list += (list.empty() ? "" : ", ") + key;
  return std::unexpected(
      Failure{FailureKind::refused,
              std::format("reloading: a change of {} needs a restart; restart, or undo it", list)});
}

}  // namespace

class Service::Impl {
 public:
  Impl(Config config, Dependencies dependencies)
      : dependencies_(std::move(dependencies)), config_(std::move(config)) {}

  std::expected<void, Failure> start() {
    return start_core().and_then([this] { return start_admin(); }).and_then([this] {
      return start_ingress();
    });
  }

  /// Whatever can be refused comes first, then the one step that may fail, then those that cannot.
  std::expected<void, Failure> reload(const Config& now, const std::stop_token& give_up) {
    const auto difference = config::difference(config_, now);
    if (!difference.needs_restart.empty()) return needs_restart(difference.needs_restart);
    if (auto checked = observe::AdminServer::check(now.admin); !checked) return checked;
    auto sources = ingress::SourceTable::make(now.ingress, now.sources);
    if (!sources) return std::unexpected(sources.error());
    auto kept = now;
    if (difference.relay)
      if (auto replaced = core_->replace_relay(now.destination, now.sources,
                                               config_.destination.shutdown_timeout, give_up);
          !replaced)
        return replaced;
    if (difference.ingress) ingress_->reload(std::move(*sources));
    if (difference.admin) admin_->reload(now.admin, names_of(now.sources), names_for_metrics(now));
    config_ = std::move(kept);
    return {};
  }

  bool stop() {
    if (std::exchange(stopped_, true)) return ended_in_time_;
    shutting_down_ = true;
    const auto limit = config_.destination.shutdown_timeout;
    sampler_thread_ = {};
    if (ingress_) ingress_->stop(limit);
    ended_in_time_ = !core_ || core_->stop(limit);
    if (admin_) admin_->stop();
    return ended_in_time_;
  }

  [[nodiscard]] HealthSnapshot health() const {
    HealthSnapshot snapshot;
    snapshot.at = dependencies_.clock.wall_now();
    snapshot.version = version();
    snapshot.node = core_->outbox().node().to_string();
    snapshot.shutting_down = shutting_down_;
    if (dependencies_.log_lines_dropped)
      snapshot.log_lines_dropped = dependencies_.log_lines_dropped();
    snapshot.outbox = core_->outbox().stats();
    snapshot.relay = core_->relay().stats();
    if (ingress_ready_) snapshot.ingress = ingress_->stats();
    sampler_.history().describe(snapshot, dependencies_.clock.steady_now());
    return snapshot;
  }
  [[nodiscard]] ListenAddress ingress_address() const { return ingress_->address(); }
  [[nodiscard]] ListenAddress admin_address() const { return admin_->address(); }

 private:
  std::expected<void, Failure> start_core() {
    auto started = embedded::Core::start(
        {.outbox = config_.outbox, .destination = config_.destination, .sources = config_.sources},
        {.clock = dependencies_.clock,
         .log = dependencies_.log,
         .on_broken = [this](const Failure& failure) { broke_down(failure); }});
    if (!started) return std::unexpected(started.error());
    core_ = std::move(*started);
    return {};
  }

  /// Whoever waits was refused a moment ago, and shall hear it: the process may end with the call.
  void broke_down(const Failure& failure) {
    if (ingress_ready_ && !shutting_down_) ingress_->await_answers(last_answers_limit);
    if (dependencies_.on_broken) dependencies_.on_broken(failure);
  }

  observe::Operations operations() {
    return {
        .outbox = &core_->outbox(),
        .set_pause =
            [this](const auto& source, bool paused, const Actor& by) {
              return paused ? core_->relay().pause(source, by) : core_->relay().resume(source, by);
            },
        .probe = [this](std::chrono::milliseconds limit) { return core_->relay().probe(limit); },
        .hold_back =
            [this](std::int64_t seq, std::chrono::milliseconds limit) {
              return core_->relay().hold_back(seq, limit);
            }};
  }

  /// With those that were configured once: a counter that disappears is one that goes down.
  std::vector<std::string> names_for_metrics(const Config& config) {
    for (auto& name : names_of(config.sources))
      if (!std::ranges::contains(source_names_, name)) source_names_.push_back(std::move(name));
    return source_names_;
  }

  std::expected<void, Failure> start_admin() {
    auto started = observe::AdminServer::start(
        config_.admin,
        {.health = [this] { return health(); },
         .clock = dependencies_.clock,
         .log = dependencies_.log,
         .source_names = names_of(config_.sources),
         .metric_names = names_for_metrics(config_),
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
                                                 {.outbox = core_->outbox(),
                                                  .clock = dependencies_.clock,
                                                  .log = dependencies_.log,
                                                  .health = reply,
                                                  .log_takes = dependencies_.log_takes});
    if (!started) return std::unexpected(started.error());
    ingress_ = std::move(*started);
    ingress_ready_ = true;
    sampler_thread_ = std::jthread([this](const std::stop_token& stop) {
      base::name_this_thread("hf-sampler");
      sampler_.run(stop);
    });
    return {};
  }

  // Constant after construction.
  const Dependencies dependencies_;
  // Guarded: any thread.
  observe::Sampler sampler_{[this] { return health(); }, dependencies_.clock, dependencies_.log};
  // Set by start, then constant. Declared in the order of start: destroyed the other way round.
  std::unique_ptr<embedded::Core> core_;
  std::unique_ptr<observe::AdminServer> admin_;
  std::unique_ptr<ingress::IngressServer> ingress_;
  std::jthread sampler_thread_;
  // Atomic: any thread.
  std::atomic<bool> ingress_ready_{false};
  std::atomic<bool> shutting_down_{false};
  // Owned by the thread that starts, reloads and stops.
  Config config_;                          ///< In force.
  std::vector<std::string> source_names_;  ///< All that were ever in force.
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
std::expected<void, Failure> Service::reload(const Config& now, const std::stop_token& give_up) {
  return impl_->reload(now, give_up);
}
bool Service::stop() {
  return impl_->stop();
}

}  // namespace holdfast
