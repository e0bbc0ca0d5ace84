#pragma once

#include <expected>
#include <memory>
#include <utility>

#include "holdfast/export.hpp"
#include "holdfast/failure.hpp"

namespace holdfast {

namespace outbox {
struct SettleWork;
}

/// The pending answer to one Outbox::settle_later. Movable; dropping it does not undo anything.
///
/// Threads:  one at a time.
class HOLDFAST_EXPORT SettleTicket {
 public:
  /// Promise:  as Outbox::settle; once.
  /// Blocks:   until durable.
  /// Errors:   as Outbox::settle.
  [[nodiscard]] std::expected<void, Failure> wait();
  /// True if wait would not block.
  [[nodiscard]] bool ready() const;

 private:
  friend class Outbox;
  explicit SettleTicket(std::shared_ptr<outbox::SettleWork> work) : work_(std::move(work)) {}
  std::shared_ptr<outbox::SettleWork> work_;
};

}  // namespace holdfast
