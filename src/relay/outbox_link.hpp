#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"

namespace holdfast::relay {

/// How long after a failure of the outbox it is tried again.
inline constexpr std::chrono::milliseconds outbox_retry_interval{1'000};

/// What is pending, from memory.
struct Backlog {
  std::uint64_t entries = 0;
  std::uint64_t body_bytes = 0;
};

/// The relay's side of the outbox: claims, and settlements that are never forgotten.
/// An outcome that could not be written is kept and must be written before anything is delivered
/// but the batch that is on its way by then: a disk that takes no writes while Postgres is well
/// would else make the relay send the same entries for ever.
///
/// Threads:  one at a time.
/// Blocks:   settle, land and ready: until durable.
/// Errors:   logged when they begin and when they end; never thrown, never returned.
class OutboxLink {
 public:
  OutboxLink(Outbox& outbox, const Clock& clock, const LogSink& log)
      : outbox_(outbox), clock_(clock), log_(log) {}

  /// Writes what is still owed, if it is time to try; true if nothing is owed and claims may go on.
  [[nodiscard]] bool ready();
  /// What is asked for; empty if there is none of it, or if the outbox failed.
  [[nodiscard]] std::vector<Entry> claim(const ClaimRequest& request);
  /// The seq of the newest entry; nullopt if the outbox failed.
  [[nodiscard]] std::optional<std::int64_t> newest_seq();
  /// How many entries wait in the outbox, be they ours to deliver or not, and with how many bytes.
  [[nodiscard]] Backlog backlog() const;
  [[nodiscard]] std::uint64_t reopened() const { return outbox_.reopened(); }
  /// An attempt to be written with the next settlement: it is not worth an fsync of its own.
  void note(AttemptRecord attempt) { attempts_.push_back(std::move(attempt)); }
  /// False if it could not be written: stop delivering, ready() will try again.
  [[nodiscard]] bool settle(std::vector<Settlement> settlements);
  /// The same without waiting, where nothing else is to be written; land() has what became of it.
  [[nodiscard]] bool settle_later(std::vector<Settlement> settlements);
  /// Waits for what settle_later began, if anything. False as of settle, and while anything is
  /// owed.
  [[nodiscard]] bool land();
  /// Writes noted attempts that no settlement took along.
  [[nodiscard]] bool flush() { return attempts_.empty() || settle({}); }
  /// Set while the outbox is in trouble.
  [[nodiscard]] std::optional<SteadyTime> retry_at() const { return retry_at_; }

 private:
  [[nodiscard]] bool write();
  void failed(std::string_view doing, const Failure& failure);
  void worked();

  // Constant after construction.
  Outbox& outbox_;
  const Clock& clock_;
  const LogSink& log_;
  // Owned by the relay thread.
  std::vector<Settlement> owed_;
  std::vector<Settlement> landing_;  ///< What the ticket is for.
  std::optional<SettleTicket> ticket_;
  std::vector<AttemptRecord> attempts_;
  std::optional<SteadyTime> retry_at_;
};

}  // namespace holdfast::relay
