#include <algorithm>
#include <format>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "observe/api.hpp"
#include "observe/listing_query.hpp"

/// Changes of entries. One that is on its way to Postgres is not changed before its outcome is
/// known: an operator must never hear "discarded" of what then arrives.
namespace holdfast::observe::api {
namespace {

using namespace std::chrono_literals;

/// Longer than connect_timeout and deliver_timeout with their defaults take together.
constexpr std::chrono::milliseconds flight_limit = 50s;
/// Those of a change of many that are in flight are waited for no longer than this together.
constexpr std::chrono::milliseconds flights_limit = 60s;
/// So many are changed in one commit: a few milliseconds of the writer's time.
constexpr std::uint32_t page_entries = 500;

constexpr const char* in_flight_detail =
    "The entry is on its way to Postgres and its outcome is not known yet; ask again when the "
    "destination answers.";

AdminAnswer changed(bool value) {
  return {200, json_type, nlohmann::json{{"changed", value}}.dump()};
}

void tell(const Call& call, std::string_view action, const std::string& target,
          std::uint64_t entries) {
  call.context.log({LogLevel::info,
                    "operator_change",
                    "An operator has changed something.",
                    {{"token", call.token_name},
                     {"action", std::string(action)},
                     {"target", target},
                     {"entries", std::to_string(entries)}}});
}

/// Whether the entry may be on its way to Postgres before the change of it is made: a dead one that
/// another operator retries at this moment, too.
bool may_fly(EntryAction action, EntryState state) {
  return action != EntryAction::retry &&
         (state == EntryState::pending || state == EntryState::dead);
}

AdminAnswer conflict(EntryAction action, const EntryChange& change) {
  if (action == EntryAction::retry && change.found == EntryState::dead)
    return problem(409, "Its payload is gone: there is nothing left to deliver.");
  const auto* const allowed = action == EntryAction::retry ? "only a dead entry can be retried"
                              : action == EntryAction::discard
                                  ? "only a pending or dead one can be discarded"
                                  : "there is nothing to erase";
  return problem(409, std::format("The entry is {}; {}.", to_string(*change.found), allowed));
}

/// The state in which the change has been made already.
bool is_done(EntryAction action, const EntryChange& change) {
  switch (action) {
    case EntryAction::retry: return change.found == EntryState::pending;
    case EntryAction::discard: return change.found == EntryState::discarded;
    case EntryAction::erase: return !change.payload_kept;
  }
  return false;
}

AdminAnswer change_one(const Call& call, EntryAction action) {
  const auto id = Uuid::parse(call.parameter);
  if (!id) return problem(404, no_entry_detail);
  const auto& operations = call.context.operations;
  std::optional<HeldBack> held;
  if (action != EntryAction::retry) {
    const auto found = operations.outbox->find(*id);
    if (!found) return problem(found.error());
    if (*found && may_fly(action, (*found)->state)) {
      held = operations.hold_back((*found)->seq, flight_limit);
      if (!held) return problem(503, in_flight_detail);
    }
  }
  const auto change = operations.outbox->change(action, *id, {.name = call.token_name});
  if (!change) return problem(change.error());
  if (!change->found) return problem(404, no_entry_detail);
  if (!change->changed && !is_done(action, *change)) return conflict(action, *change);
  if (change->changed) tell(call, to_string(action), id->to_string(), 1);
  return changed(change->changed);
}

struct Totals {
  std::uint64_t matched = 0;
  std::uint64_t changed = 0;
};

/// A change of many that failed on its way says how far it came: what was replayed before would be
/// replayed once more by whoever asks for all of it again.
AdminAnswer broken_off(Failure failure, std::string_view action, const Totals& totals) {
  if (totals.changed > 0)
    failure.message += std::format("; before that, the {} of {} entries was made, and stays",
                                   action, totals.changed);
  return problem(failure);
}

AdminAnswer totals_answer(const Totals& totals) {
  return {200, json_type,
          nlohmann::json{{"matched", totals.matched}, {"changed", totals.changed}}.dump()};
}

/// Calls `use` with each page of what matches now; entries that come later are not met.
template <class Use>
std::expected<void, Failure> for_each_page(Outbox& outbox, ListRequest request, Use use) {
  ListRequest last_one;
  last_one.limit = 1;
  const auto newest = outbox.list(last_one);
  if (!newest) return std::unexpected(newest.error());
  if (newest->empty()) return {};
  const auto last = newest->front().seq;
  request.oldest_first = true;
  request.limit = page_entries;
  for (;;) {
    auto page = outbox.list(request);
    if (!page) return std::unexpected(page.error());
    const bool full = page->size() == page_entries;
    std::erase_if(*page, [&](const auto& entry) { return entry.seq > last; });
    if (page->empty()) return {};
    request.beyond_seq = page->back().seq;
    if (auto used = use(std::span<const EntrySummary>(*page)); !used) return used;
    if (!full) return {};
  }
}

/// Changes of one page: first what is not in flight, in one commit, then the others as they land.
class PageChange {
 public:
  PageChange(const Call& call, EntryAction action, std::string filters)
      : operations_(call.context.operations),
        action_(action),
        by_{call.token_name, std::move(filters)} {}

  std::expected<std::uint64_t, Failure> run(std::span<const EntrySummary> page) {
    std::vector<Uuid> ids;
    std::vector<HeldBack> held;
    std::vector<EntrySummary> in_flight;
    for (const auto& entry : page) {
      if (may_fly(action_, entry.state)) {
        auto hold = operations_.hold_back(entry.seq, 0ms);
        if (!hold) {
          in_flight.push_back(entry);
          continue;
        }
        held.push_back(std::move(*hold));
      }
      ids.push_back(entry.id);
    }
    auto changed = change(std::move(ids));
    held.clear();
    for (const auto& entry : in_flight) {
      if (!changed) break;
      auto hold = operations_.hold_back(entry.seq, std::max(left_, 0ms));
      if (!hold) {
        left_ = 0ms;  // The destination is stuck: what is left of them stays as it is.
        continue;
      }
      const auto one = change({entry.id});
      if (!one) return one;
      *changed += *one;
    }
    return changed;
  }

 private:
  std::expected<std::uint64_t, Failure> change(std::vector<Uuid> ids) {
    return operations_.outbox->change(action_, std::move(ids), by_).transform([](const auto& all) {
      return static_cast<std::uint64_t>(
          std::ranges::count_if(all, [](const auto& one) { return one.changed; }));
    });
  }

  const Operations& operations_;
  const EntryAction action_;
  const Actor by_;
  std::chrono::milliseconds left_ = flights_limit;
};

/// The query of a change of many, or the answer that refuses it.
std::expected<ListingQuery, AdminAnswer> change_query(const Call& call) {
  auto query = read_listing_query(call.request, QueryUse::change);
  if (!query) return std::unexpected(problem(400, query.error().detail, query.error().field));
  if (!query->filtered)
    return std::unexpected(
        problem(400,
                "A change of many needs a filter: state, source, since, until, key or "
                "sqlstate."));
  return *std::move(query);
}

AdminAnswer change_many(const Call& call, EntryAction action) {
  const auto query = change_query(call);
  if (!query) return query.error();
  Totals totals;
  PageChange changes(call, action, query->filters);
  const auto done =
      for_each_page(*call.context.operations.outbox, query->request,
                    [&](std::span<const EntrySummary> page) -> std::expected<void, Failure> {
                      totals.matched += page.size();
                      if (query->dry_run) return {};
                      const auto count = changes.run(page);
                      if (!count) return std::unexpected(count.error());
                      totals.changed += *count;
                      return {};
                    });
  if (totals.changed > 0) tell(call, to_string(action), query->filters, totals.changed);
  if (!done) return broken_off(done.error(), to_string(action), totals);
  return totals_answer(totals);
}

}  // namespace

AdminAnswer retry_one(const Call& call) {
  return change_one(call, EntryAction::retry);
}
AdminAnswer discard_one(const Call& call) {
  return change_one(call, EntryAction::discard);
}
AdminAnswer erase_one(const Call& call) {
  return change_one(call, EntryAction::erase);
}
AdminAnswer retry_many(const Call& call) {
  return change_many(call, EntryAction::retry);
}
AdminAnswer discard_many(const Call& call) {
  return change_many(call, EntryAction::discard);
}

AdminAnswer replay_one(const Call& call) {
  const auto id = Uuid::parse(call.parameter);
  if (!id) return problem(404, no_entry_detail);
  const auto replayed = call.context.operations.outbox->replay(*id, {.name = call.token_name});
  if (!replayed) return problem(replayed.error());
  if (!replayed->found) return problem(404, no_entry_detail);
  if (!replayed->id)
    return problem(409, "Its payload is gone or damaged: there is nothing to send again.");
  tell(call, "replay", id->to_string(), 1);
  return {200, json_type,
          nlohmann::json{{"changed", true}, {"id", replayed->id->to_string()}}.dump()};
}

AdminAnswer replay_many(const Call& call) {
  const auto query = change_query(call);
  if (!query) return query.error();
  Totals totals;
  const Actor by{call.token_name, {}};
  Outbox& outbox = *call.context.operations.outbox;
  const auto done =
      for_each_page(outbox, query->request,
                    [&](std::span<const EntrySummary> page) -> std::expected<void, Failure> {
                      totals.matched += page.size();
                      if (query->dry_run) return {};
                      for (const auto& entry : page) {
                        const auto replayed = outbox.replay(entry.id, by);
                        if (!replayed) return std::unexpected(replayed.error());
                        if (replayed->id) ++totals.changed;
                      }
                      return {};
                    });
  if (totals.changed > 0) tell(call, "replay", query->filters, totals.changed);
  if (!done) return broken_off(done.error(), "replay", totals);
  return totals_answer(totals);
}

}  // namespace holdfast::observe::api
