#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/export.hpp"

namespace holdfast {

/// A UUID as 16 bytes in network order; compares in byte order, which for UUIDv7 is time order.
struct HOLDFAST_EXPORT Uuid {
  std::array<std::uint8_t, 16> bytes{};           ///< All zero: none yet.
  auto operator<=>(const Uuid&) const = default;  ///< By bytes.
  [[nodiscard]] std::string to_string() const;    ///< Lower-case canonical text, 36 characters.
  /// Reads the canonical text in either case; nothing else is accepted.
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);
};

/// Where an entry is in its life.
enum class EntryState : std::uint8_t {
  pending = 0,    ///< Waits for Postgres, or is on its way. Never dropped to make room.
  delivered = 1,  ///< Postgres has confirmed COMMIT.
  dead = 2,       ///< Given up, with its payload: an operator decides. Never dropped to make room.
  discarded = 3,  ///< Not to be delivered: by an operator, or another body of a known key.
};
/// All of them, in the order of their numbers.
inline constexpr std::array all_entry_states{EntryState::pending, EntryState::delivered,
                                             EntryState::dead, EntryState::discarded};
/// The word of JSON, metrics and filters: the name of the enumerator.
[[nodiscard]] HOLDFAST_EXPORT std::string_view to_string(EntryState state);
/// The state of such a word; nullopt if it is none.
[[nodiscard]] HOLDFAST_EXPORT std::optional<EntryState> parse_entry_state(std::string_view text);

/// A request header as received.
struct Header {
  std::string name;                                ///< In the sender's case.
  std::string value;                               ///< Raw bytes; of a secret header "***".
  bool operator==(const Header&) const = default;  ///< Byte for byte.
};

/// A write as it came in, before it is in the outbox.
struct NewEntry {
  std::string source;                      ///< Name of the configured source; without NUL.
  std::optional<std::string> dedupe_key;   ///< Valid UTF-8 without NUL, at most 512 bytes.
  WallTime received_at{};                  ///< When its last byte was there.
  std::string method;                      ///< Such as "POST".
  std::string target;                      ///< Raw request target, path and query, as sent.
  std::string remote_address;              ///< The sender's, as far as trusted proxies tell.
  std::string content_type;                ///< As sent; empty if there was none.
  std::vector<Header> headers;             ///< In the order received; secrets already "***".
  std::string body;                        ///< The exact bytes received; at most 512 MiB.
  std::optional<std::string> traceparent;  ///< W3C trace context of the request, as sent.
  std::optional<Uuid> replay_of;           ///< The entry that this one is a copy of.
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
  WallTime at{};            ///< When the answer came.
  std::string sqlstate;     ///< Five characters, or empty where there was none.
  std::string error_class;  ///< Name of the DeliveryClass.
  std::string error;        ///< Primary message only; DETAIL quotes row values and is never kept.
};

/// What is known of an entry without its payload: a line of a list, or a receipt.
struct EntrySummary {
  std::int64_t seq = 0;                        ///< Commit order within this outbox; starts at 1.
  Uuid id;                                     ///< UUIDv7: ids grow in commit order, too.
  std::string source;                          ///< Name of the sender.
  std::optional<std::string> dedupe_key;       ///< What makes another request the same as this one.
  EntryState state = EntryState::pending;      ///< Where it is in its life.
  WallTime received_at{};                      ///< When its last byte was there.
  std::optional<WallTime> settled_at;          ///< When it left `pending`; nullopt while it is.
  std::int64_t body_bytes = 0;                 ///< Size of the body, also where that is gone.
  std::array<std::uint8_t, 32> body_sha256{};  ///< SHA-256 of the body as it was accepted.
  /// Hash of the value of `order_by` at the time of acceptance; entries of one source with the same
  /// one reach Postgres in commit order.
  std::optional<std::int64_t> order_hash;
  bool payload_kept = true;               ///< False once retention removed body and headers.
  std::optional<std::string> reason;      ///< Why it is dead or discarded, such as "key_conflict".
  std::optional<std::string> sqlstate;    ///< Of the refusal that made it dead.
  std::optional<std::string> constraint;  ///< The constraint that it broke, if Postgres named one.
  std::optional<std::string> error;       ///< Primary message of that refusal.
  std::optional<Uuid> duplicate_of;       ///< The id that Postgres already held for its key.
  std::optional<Uuid> conflicts_with;     ///< The entry of the same key with another body.
  std::optional<Uuid> replay_of;          ///< The entry that it is a copy of.
};

/// An entry with its payload.
struct Entry : EntrySummary {
  std::string method;                      ///< As NewEntry::method.
  std::string target;                      ///< As NewEntry::target.
  std::string remote_address;              ///< As NewEntry::remote_address.
  std::string content_type;                ///< As NewEntry::content_type.
  std::vector<Header> headers;             ///< As NewEntry::headers.
  std::string body;                        ///< As NewEntry::body; empty where it is not kept.
  std::optional<std::string> traceparent;  ///< As NewEntry::traceparent.
  std::vector<Attempt> attempts;           ///< Filled by Outbox::find only: the last 50.
  bool payload_damaged = false;  ///< By find only: the payload is not what was accepted, or gone.
};

}  // namespace holdfast
