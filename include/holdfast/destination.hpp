#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"

namespace holdfast {

/// What a failed delivery means for the relay. Sources: docs/decisions/0004.
enum class DeliveryClass {
  connection,   ///< The link is gone or never was: drop the session, back off, blame no entry.
  server,       ///< The server is not able now: the same with a longer cap.
  contention,   ///< Serialization, deadlock, lock: rolled back; the same batch again at once.
  timeout,      ///< 57014: halve the batch; an entry that times out alone five times is held.
  data,         ///< This very entry is refused: isolate it, then dead letter.
  foreign_key,  ///< 23503: the parent may still come; three tries within 5 s, then as data.
  config,       ///< Configuration, permission or schema: pause, alarm, slow probe; blame no entry.
  quota,        ///< The account's quota: as config.
  defect,       ///< A bug of ours: as config, loud.
};
/// The word of logs and metrics: the name of the enumerator.
[[nodiscard]] HOLDFAST_EXPORT std::string_view to_string(DeliveryClass delivery_class);

/// Why a batch was not committed.
struct DeliveryFailure {
  DeliveryClass delivery_class = DeliveryClass::connection;  ///< What to do about it.
  std::string sqlstate;    ///< Five characters, or empty where libpq gives none.
  std::string constraint;  ///< The constraint that was broken; empty: none was named.
  std::string message;     ///< Primary message only, without DETAIL, hosts, users or values.
  bool in_doubt = false;   ///< The link died inside COMMIT: the batch may be stored. Send it again.
  bool session_lost = false;       ///< The session is not usable any more (and was dropped).
  bool session_had_lived = false;  ///< The lost session had committed at least one batch.
  /// The source whose own statement or operation failed; empty: connect, inbox or commit did.
  std::string source;
  bool slow_start = false;  ///< Rate limit or too many connections: wait at least 5 s.
};

/// What became of one entry of a committed batch.
struct Delivered {
  std::optional<Uuid> duplicate_of;  ///< Another entry already holds its (source, dedupe key).
  bool payload_unfit = false;        ///< Stored with payload null: jsonb cannot hold it.
};

/// Returns the batch that will probably be delivered next; empty if there is none. What it refers
/// to may be gone once the delivery that asked has returned: whoever gets it ready takes a copy.
using NextBatch = std::function<std::span<const Entry>()>;

/// Where the relay delivers; a program may write its own.
///
/// Promise:  deliver returns a value only after COMMIT was confirmed; a batch is all or nothing.
/// Threads:  one at a time, but interrupt() and connects(): any.
/// Errors:   no exception leaves an implementation but std::bad_alloc.
class HOLDFAST_EXPORT Destination {
 public:
  virtual ~Destination() = default;
  /// Stores the batch in one transaction, once per entry id, however often it is sent; returns what
  /// became of each entry, in the order of the batch.
  ///
  /// Needs:    a batch that is not empty, in commit order.
  /// Blocks:   at most connect_timeout + deliver_timeout.
  /// Errors:   a DeliveryFailure, whose class says what the relay does next. Nothing was stored,
  ///           unless it is in doubt.
  [[nodiscard]] virtual std::expected<std::vector<Delivered>, DeliveryFailure> deliver(
      std::span<const Entry> batch) = 0;
  /// As deliver, and while it would only wait for the destination it may ask once for the next
  /// batch and get that ready. A destination that cannot do so has nothing to add.
  ///
  /// Needs:    `next` to be called, if at all, by the thread that called.
  [[nodiscard]] virtual std::expected<std::vector<Delivered>, DeliveryFailure> deliver_and_prepare(
      std::span<const Entry> batch, const NextBatch& next) {
    static_cast<void>(next);
    return deliver(batch);
  }
  /// Reaches the destination once, over the open session or a new one, and stores nothing.
  ///
  /// Blocks:   at most connect_timeout + deliver_timeout.
  [[nodiscard]] virtual std::expected<void, DeliveryFailure> probe() = 0;
  /// True while a session is open, as far as is known without a round trip.
  [[nodiscard]] virtual bool connected() const = 0;
  /// Closes the session, if any, so that an idle Neon can sleep. No error is reported, and the next
  /// deliver opens another.
  virtual void close() = 0;
  /// Makes a running deliver fail soon (class connection); between two it may end the next.
  ///
  /// Threads:  any.
  /// Blocks:   never.
  virtual void interrupt() = 0;
  /// Number of sessions opened so far.
  ///
  /// Threads:  any.
  [[nodiscard]] virtual std::uint64_t connects() const = 0;
};

}  // namespace holdfast
