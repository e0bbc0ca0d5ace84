#include "holdfast/embedded_outbox.hpp"

#include <algorithm>
#include <utility>

#include "embedded/check_options.hpp"
#include "embedded/core.hpp"
#include "outbox/ticket.hpp"

namespace holdfast {

class HOLDFAST_HIDDEN EmbeddedOutbox::Impl {
 public:
  Impl(EmbeddedOptions options_given, const Clock* clock_given)
      : options(std::move(options_given)),
        clock(clock_given == nullptr ? system_clock : *clock_given) {}

  [[nodiscard]] std::expected<void, Failure> check_pause(
      const std::optional<std::string>& source) const {
    if (!source || std::ranges::contains(options.sources, *source, &SourceConfig::name)) return {};
    return std::unexpected(
        Failure{FailureKind::invalid,
                "pausing or resuming a source: it is none of EmbeddedOptions::sources; mend the "
                "name"});
  }

  // Constant after construction.
  const EmbeddedOptions options;
  const SystemClock system_clock{};
  const Clock& clock;
  std::unique_ptr<embedded::Core> core;
};

EmbeddedOutbox::EmbeddedOutbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

EmbeddedOutbox::~EmbeddedOutbox() {
  stop();
}

std::expected<std::unique_ptr<EmbeddedOutbox>, Failure> EmbeddedOutbox::open(
    EmbeddedOptions options, Dependencies dependencies) {
  if (auto checked = embedded::check_options(options); !checked)
    return std::unexpected(checked.error());
  if (auto checked = embedded::check_destinations(options, dependencies); !checked)
    return std::unexpected(checked.error());
  auto impl = std::make_unique<Impl>(std::move(options), dependencies.clock);
  if (!dependencies.log) dependencies.log = [](const LogEvent&) {};
  auto started = embedded::Core::start({.outbox = impl->options.outbox,
                                        .destination = impl->options.destination,
                                        .sources = impl->options.sources,
                                        .destinations = std::move(dependencies.destinations)},
                                       {.clock = impl->clock,
                                        .log = std::move(dependencies.log),
                                        .on_broken = std::move(dependencies.on_broken)});
  if (!started) return std::unexpected(started.error());
  impl->core = std::move(*started);
  return std::unique_ptr<EmbeddedOutbox>(new EmbeddedOutbox(std::move(impl)));
}

std::expected<std::unique_ptr<EmbeddedOutbox>, Failure> EmbeddedOutbox::open(
    EmbeddedOptions options) {
  return open(std::move(options), Dependencies{});
}

std::expected<Appended, Failure> EmbeddedOutbox::append(NewEntry entry) {
  return submit(std::move(entry)).wait(impl_->options.append_timeout);
}

AppendTicket EmbeddedOutbox::submit(NewEntry entry) {
  if (auto checked = embedded::check_entry(entry, impl_->options); !checked) {
    auto refused = std::make_shared<AppendTicket::Shared>(NewEntry{});
    refused->answer.set(std::unexpected(checked.error()));
    return AppendTicket(std::move(refused));
  }
  if (entry.received_at == WallTime{}) entry.received_at = impl_->clock.wall_now();
  return impl_->core->outbox().submit(std::move(entry));
}

bool EmbeddedOutbox::await_drained(std::chrono::milliseconds limit) {
  return impl_->core->outbox().await_drained(limit);
}

std::expected<bool, Failure> EmbeddedOutbox::pause(const std::optional<std::string>& source) {
  return impl_->check_pause(source).and_then([&] { return impl_->core->relay().pause(source); });
}

std::expected<bool, Failure> EmbeddedOutbox::resume(const std::optional<std::string>& source) {
  return impl_->check_pause(source).and_then([&] { return impl_->core->relay().resume(source); });
}

std::expected<EntryChange, Failure> EmbeddedOutbox::change(EntryAction action, const Uuid& id,
                                                           std::chrono::milliseconds limit) {
  std::optional<HeldBack> held;
  if (action != EntryAction::retry) {
    auto found = find(id);
    if (!found) return std::unexpected(found.error());
    if (*found) {
      held = impl_->core->relay().hold_back((*found)->seq, limit);
      if (!held)
        return std::unexpected(
            Failure{FailureKind::unavailable,
                    "changing an entry: it is on its way and its outcome is not known yet; ask "
                    "again when the destination answers"});
    }
  }
  return impl_->core->outbox().change(action, id);
}

std::expected<std::optional<Entry>, Failure> EmbeddedOutbox::find(const Uuid& id) {
  return impl_->core->outbox().find(id);
}

std::expected<std::vector<EntrySummary>, Failure> EmbeddedOutbox::list(const ListRequest& request) {
  return impl_->core->outbox().list(request);
}

OutboxStats EmbeddedOutbox::outbox_stats() const {
  return impl_->core->outbox().stats();
}

RelayStats EmbeddedOutbox::relay_stats() const {
  return impl_->core->relay().stats();
}

bool EmbeddedOutbox::stop() {
  return impl_->core->stop(impl_->options.destination.shutdown_timeout);
}

}  // namespace holdfast
