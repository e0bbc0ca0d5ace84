#include "embedded/core.hpp"

#include <exception>
#include <format>
#include <random>
#include <type_traits>
#include <utility>

#include "base/thread_name.hpp"
#include "postgres/destination.hpp"

namespace holdfast::embedded {
namespace {

std::vector<std::string> names_of(const std::vector<SourceConfig>& sources) {
  std::vector<std::string> names;
  for (const auto& source : sources) names.push_back(source.name);
  return names;
}

/// The system may have no thread, descriptor or memory left.
template <class F>
std::invoke_result_t<F> without_throwing(F&& function) {
  try {
    return std::forward<F>(function)();
  } catch (const Error& error) {
    return std::unexpected(error.failure());
  } catch (const std::exception& error) {
    return std::unexpected(Failure{
        FailureKind::unavailable,
        std::format("starting outbox and relay: {}; give the process more of it", error.what())});
  }
}

}  // namespace

std::expected<std::unique_ptr<Core>, Failure> Core::start(Settings settings,
                                                          Dependencies dependencies) {
  return without_throwing([&]() -> std::expected<std::unique_ptr<Core>, Failure> {
    std::unique_ptr<Core> core(new Core(std::move(dependencies)));
    if (auto begun = core->begin(std::move(settings)); !begun)
      return std::unexpected(begun.error());
    return core;
  });
}

Core::~Core() {
  (void)stop(std::chrono::milliseconds(0));
  writer_ = {};
  relay_.reset();
  // Given up with its lock: only a new process can tell what a broken disk holds, so this one must
  // not open the file again.
  if (broken_) static_cast<void>(outbox_.release());
  outbox_.reset();
}

std::expected<void, Failure> Core::begin(Settings settings) {
  auto opened = Outbox::open(settings.outbox, {.clock = dependencies_.clock,
                                               .log = dependencies_.log,
                                               .on_broken =
                                                   [this](const Failure& failure) {
                                                     broken_ = true;
                                                     if (dependencies_.on_broken)
                                                       dependencies_.on_broken(failure);
                                                   },
                                               .vfs = {}});
  if (!opened) return std::unexpected(opened.error());
  outbox_ = std::move(*opened);
  auto made = parts(settings.destination, settings.sources, std::move(settings.destinations));
  if (!made) return std::unexpected(made.error());
  relay_ = std::make_unique<relay::RelayHolder>(
      std::move(*made),
      relay::RelayHolder::Dependencies{
          .outbox = *outbox_, .clock = dependencies_.clock, .log = dependencies_.log});
  outbox_->on_appended([relay = relay_.get()] { relay->wake(); });
  writer_ = std::jthread([this](const std::stop_token& stop) {
    base::name_this_thread("hf-writer");
    outbox_->run_writer(stop);
  });
  relay_->start();
  return {};
}

/// One session for each connection; none without a URL.
std::expected<Core::Parts, Failure> Core::parts(
    const DestinationConfig& destination, const std::vector<SourceConfig>& sources,
    std::vector<std::unique_ptr<Destination>> destinations) const {
  Parts made{.options = {.destination = destination,
                         .sources = names_of(sources),
                         .jitter_seed = std::random_device{}()},
             .destinations = std::move(destinations)};
  const auto count =
      destination.url.empty() || !made.destinations.empty() ? 0 : destination.connections;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto created = postgres::PostgresDestination::create(destination, sources, outbox_->node(),
                                                         dependencies_.clock, dependencies_.log);
    if (!created) return std::unexpected(created.error());
    made.destinations.push_back(std::move(*created));
  }
  return made;
}

std::expected<void, Failure> Core::replace_relay(const DestinationConfig& destination,
                                                 const std::vector<SourceConfig>& sources,
                                                 std::chrono::milliseconds limit,
                                                 const std::stop_token& give_up) {
  return without_throwing([&]() -> std::expected<void, Failure> {
    auto made = parts(destination, sources, {});
    if (!made) return std::unexpected(made.error());
    return relay_->replace(std::move(*made), limit, give_up);
  });
}

bool Core::stop(std::chrono::milliseconds limit) {
  if (stopped_) return *stopped_;
  stopped_ = !relay_ || relay_->stop(limit);
  if (!*stopped_)
    dependencies_.log({LogLevel::warn, "shutdown_without_relay",
                       "The relay did not end in time; what it holds stays pending."});
  if (writer_.joinable()) {
    writer_.request_stop();
    writer_.join();
  }
  if (outbox_) outbox_->close();
  return *stopped_;
}

}  // namespace holdfast::embedded
