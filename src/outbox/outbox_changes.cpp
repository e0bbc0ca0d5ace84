#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "outbox/auditor.hpp"
#include "outbox/outbox_impl.hpp"

/// What operators do to an outbox, and what is kept of it.
namespace holdfast {
namespace {

/// A replay reads what is on this disk and writes it again; only a disk that hangs takes so long.
constexpr std::chrono::seconds replay_timeout{30};

NewEntry copy_of(Entry entry, WallTime now) {
  return {.source = std::move(entry.source),
          .dedupe_key = std::nullopt,
          .received_at = now,
          .method = std::move(entry.method),
          .target = std::move(entry.target),
          .remote_address = std::move(entry.remote_address),
          .content_type = std::move(entry.content_type),
          .headers = std::move(entry.headers),
          .body = std::move(entry.body),
          .traceparent = std::move(entry.traceparent),
          .replay_of = entry.id,
          .order_key = std::nullopt,
          .order_hash = entry.order_hash,
          .compare_sha256 = std::nullopt};
}

AuditEvent event_of(const Actor& by, std::string_view action, const std::string& target) {
  return {.number = 0,
          .at = {},
          .who = by.name,
          .action = std::string(action),
          .target = by.target.empty() ? target : by.target,
          .detail = {}};
}

}  // namespace

std::string_view to_string(EntryAction action) {
  switch (action) {
    case EntryAction::retry: return "retry";
    case EntryAction::discard: return "discard";
    case EntryAction::erase: return "erase";
  }
  return "unknown";
}

std::expected<EntryChange, Failure> Outbox::change(EntryAction action, const Uuid& id,
                                                   const Actor& by) {
  return change(action, std::vector{id}, by).transform([](const auto& changes) {
    return changes.front();
  });
}

std::expected<std::vector<EntryChange>, Failure> Outbox::change(EntryAction action,
                                                                std::vector<Uuid> ids,
                                                                const Actor& by) {
  if (ids.empty()) return std::vector<EntryChange>{};
  auto work = std::make_shared<outbox::ChangeWork>();
  work->action = action;
  work->event = event_of(by, to_string(action), ids.front().to_string());
  work->ids = std::move(ids);
  auto changes = impl_->ask(work);
  const bool changed =
      changes && std::ranges::any_of(*changes, [](const auto& change) { return change.changed; });
  if (!changed || action != EntryAction::retry) return changes;
  // The relay has looked past them; only now it may be told.
  impl_->reader.with([](auto& slot) {
    if (slot) slot->look_again();
  });
  ++impl_->reopened;
  impl_->writer->announce();
  return changes;
}

std::expected<Replayed, Failure> Outbox::replay(const Uuid& id, const Actor& by) {
  auto found = find(id);
  if (!found) return std::unexpected(std::move(found.error()));
  if (!*found) return Replayed{};
  // What is not what was accepted must not be sent as if it were.
  if (!(*found)->payload_kept || (*found)->payload_damaged) return Replayed{true, std::nullopt};
  auto shared =
      std::make_shared<AppendTicket::Shared>(copy_of(std::move(**found), impl_->clock.wall_now()));
  shared->replay_event = event_of(by, "replay", id.to_string());
  impl_->queue.push(shared);
  impl_->commit_if_alone(shared->answer);
  return AppendTicket(shared).wait(replay_timeout).transform([](const Appended& appended) {
    return Replayed{true, appended.id};
  });
}

std::expected<bool, Failure> Outbox::keep_pause(const std::optional<std::string>& source,
                                                bool paused, const Actor& by) {
  auto work = std::make_shared<outbox::NoteWork>();
  work->event = event_of(by, paused ? "pause" : "resume", source.value_or("destination"));
  work->paused = paused;
  work->source = source.value_or("");
  return impl_->ask(work);
}

std::expected<std::vector<OperatorPause>, Failure> Outbox::pauses() {
  return outbox::reading("reading the pauses", [&] {
    return impl_->with_reader(
        [](outbox::Reader& reader) { return outbox::read_pauses(reader.database()); });
  });
}

std::expected<void, Failure> Outbox::note(AuditEvent event) {
  auto work = std::make_shared<outbox::NoteWork>();
  work->event = std::move(event);
  return impl_->ask(work).transform([](bool) {});
}

std::expected<std::vector<AuditEvent>, Failure> Outbox::audit(std::uint32_t limit,
                                                              std::optional<std::int64_t> before) {
  return outbox::reading("reading the audit log", [&] {
    return impl_->with_reader([&](outbox::Reader& reader) {
      return outbox::read_audit(reader.database(), std::int64_t{std::min(limit, list_limit_max)},
                                before.value_or(std::numeric_limits<std::int64_t>::max()));
    });
  });
}

}  // namespace holdfast
