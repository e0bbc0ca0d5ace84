#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"

namespace holdfast {

/// A UUID as 16 bytes in network order; compares in byte order, which for UUIDv7 is time order.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
  /// Lower-case canonical text, 36 characters.
  [[nodiscard]] std::string to_string() const;
  /// Reads the canonical text in either case; nothing else is accepted.
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);
};

enum class EntryState : std::uint8_t { pending = 0, delivered = 1, dead = 2, discarded = 3 };
inline constexpr std::array all_entry_states{EntryState::pending, EntryState::delivered,
                                             EntryState::dead, EntryState::discarded};
[[nodiscard]] std::string_view to_string(EntryState state);
[[nodiscard]] std::optional<EntryState> parse_entry_state(std::string_view text);

/// A request header as received: name in the sender's case, value as raw bytes.
struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

/// A write as it came in, before it is in the outbox.
struct NewEntry {
  std::string source;                     ///< Name of the configured source.
  std::optional<std::string> dedupe_key;  ///< Valid UTF-8 without NUL, at most 512 bytes.
  WallTime received_at{};
  std::string method;
  std::string target;  ///< Raw request target, path and query, as sent.
  std::string remote_address;
  std::string content_type;     ///< As sent; empty if there was none.
  std::vector<Header> headers;  ///< In the order received; secrets already "***".
  std::string body;             ///< The exact bytes received.
  std::optional<std::string> traceparent;
  std::optional<Uuid> replay_of;
  /// The value that `order_by` points at; without one the entry keeps its place in the whole
  /// source.
  std::optional<std::string> order_key;
  /// The hash of that value, where only it is known: of an entry that was in an outbox already.
  std::optional<std::int64_t> order_hash = {};
  /// What a repeat is compared by, where a sender changes a part of the body between two tries;
  /// without it, the body.
  std::optional<std::array<std::uint8_t, 32>> compare_sha256;
};

/// One try of Postgres to take an entry that failed because of the entry.
struct Attempt {
  WallTime at{};
  std::string sqlstate;
  std::string error_class;  ///< Name of the DeliveryClass.
  std::string error;        ///< Primary message only; DETAIL quotes row values and is never kept.
};

/// What is known of an entry without its payload: a line of a list, or a receipt.
struct EntrySummary {
  std::int64_t seq = 0;  ///< Commit order within this outbox; starts at 1.
  Uuid id;
  std::string source;
  std::optional<std::string> dedupe_key;
  EntryState state = EntryState::pending;
  WallTime received_at{};
  std::optional<WallTime> settled_at;
  std::int64_t body_bytes = 0;
  std::array<std::uint8_t, 32> body_sha256{};
  /// Hash of the value of `order_by` at the time of acceptance; entries of one source with the same
  /// one reach Postgres in commit order.
  std::optional<std::int64_t> order_hash;
  bool payload_kept = true;           ///< False once retention removed body and headers.
  std::optional<std::string> reason;  ///< Why it is dead or discarded, such as "key_conflict".
  std::optional<std::string> sqlstate;
  std::optional<std::string> constraint;
  std::optional<std::string> error;
  std::optional<Uuid> duplicate_of;    ///< The id that Postgres already held for its key.
  std::optional<Uuid> conflicts_with;  ///< The entry of the same key with another body.
  std::optional<Uuid> replay_of;
};

/// An entry with its payload.
struct Entry : EntrySummary {
  std::string method;
  std::string target;
  std::string remote_address;
  std::string content_type;
  std::vector<Header> headers;
  std::string body;
  std::optional<std::string> traceparent;
  std::vector<Attempt> attempts;  ///< Filled by Outbox::find only.
  bool payload_damaged = false;   ///< By find only: the payload is not what was accepted, or gone.
};

}  // namespace holdfast
