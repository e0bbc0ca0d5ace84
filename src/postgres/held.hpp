#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/failure.hpp"
#include "postgres/interrupt.hpp"
#include "postgres/session.hpp"

namespace holdfast::postgres {

/// An entry of which is asked whether Postgres has it.
struct HeldQuestion {
  Uuid id;
  std::string source;
  std::optional<std::string> dedupe_key;
};

/// `holdfast reconcile`: asks the inbox which entries it holds, batch after batch on one session,
/// in read-only transactions.
///
/// Threads:  one at a time.
class HeldLookup {
 public:
  /// Blocks:   connect_timeout.
  /// Errors:   refused (the URL or a right is at fault), unavailable.
  [[nodiscard]] static std::expected<HeldLookup, Failure> open(const DestinationConfig& config,
                                                               const Clock& clock);
  /// For each question, in its order: whether there is a row of its id, or of its source and key.
  /// Blocks:   deliver_timeout.
  /// Errors:   as above; a missing inbox is refused.
  [[nodiscard]] std::expected<std::vector<bool>, Failure> ask(
      std::span<const HeldQuestion> questions);

 private:
  HeldLookup(const DestinationConfig& config, const Clock& clock);
  [[nodiscard]] std::expected<std::vector<bool>, SqlError> ask_in_transaction(
      std::span<const HeldQuestion> questions, SteadyTime deadline);

  // Constant after construction.
  const Clock* clock_;
  std::chrono::milliseconds timeout_;
  std::string sql_;

  /// At a place of its own: the session refers to it.
  std::unique_ptr<Interrupt> never_;
  std::optional<Session> session_;
};

}  // namespace holdfast::postgres
