#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"

// What operators change, and what is kept of who did it.
namespace holdfast {

/// What an operator may do to an entry that is there.
enum class EntryAction : std::uint8_t {
  retry,    ///< A dead entry becomes pending again, with its id and its old place in its group.
  discard,  ///< A pending or dead entry is never delivered; its payload is kept for keep_discarded.
  erase,    ///< Body, headers and error texts go for good; the receipt stays. Discards, too.
};
/// The word of the audit log and of the admin API: the name of the enumerator.
[[nodiscard]] HOLDFAST_EXPORT std::string_view to_string(EntryAction action);

/// What a change of one entry came to.
struct EntryChange {
  std::optional<EntryState> found;  ///< The state before; nullopt: there is no such entry.
  bool changed = false;             ///< False: in that state the change is not for this entry.
  bool payload_kept = true;         ///< Before the change.
};

/// What a replay came to.
struct Replayed {
  bool found = false;  ///< False: there is no such entry.
  /// Of the new entry; nullopt: the payload is gone or damaged, nothing was appended.
  std::optional<Uuid> id;
};

/// Who asks for a change; part of the audit log.
struct Actor {
  std::string name = "library";  ///< The name of a token, never the token.
  /// What is written of a change that was one of many, such as its filters; empty: the id.
  std::string target = {};
};

/// One line of the audit log.
struct AuditEvent {
  std::int64_t number = 0;  ///< Grows by one with each event of this outbox.
  WallTime at{};            ///< When the change was committed.
  std::string who;          ///< Name of the token.
  std::string action;  ///< "retry", "discard", "erase", "replay", "pause", "resume", "import", …
  std::string target;  ///< An id, a source, or the filters of a change of many.
  std::string detail;  ///< Such as "12 entries"; may be empty.
};
/// So many are kept; the oldest go first.
inline constexpr std::int64_t audit_events_max = 100'000;

/// A pause that an operator wanted: it outlives the process, and only an operator ends it.
struct OperatorPause {
  std::optional<std::string> source;  ///< nullopt: the destination as a whole.
  WallTime since{};                   ///< When it was kept first.
  std::string who;                    ///< Name of the token.
};

}  // namespace holdfast
