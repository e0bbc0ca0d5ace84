#include "relay/outbox_link.hpp"

#include <format>
#include <iterator>
#include <utility>

namespace holdfast::relay {

bool OutboxLink::ready() {
  if (!retry_at_) return true;
  if (clock_.steady_now() < *retry_at_) return false;
  if (owed_.empty() && attempts_.empty()) return true;  // A claim had failed: the next one shows.
  return write();
}

std::vector<Entry> OutboxLink::claim(std::span<const std::string> sources,
                                     std::uint32_t entries_max, std::uint64_t bytes_max) {
  if (sources.empty()) return {};
  auto claimed = outbox_.claim({sources, 0, entries_max, bytes_max});
  if (!claimed) {
    failed("claim", claimed.error());
    return {};
  }
  worked();
  return std::move(*claimed);
}

bool OutboxLink::settle(std::vector<Settlement> settlements) {
  owed_.insert(owed_.end(), std::make_move_iterator(settlements.begin()),
               std::make_move_iterator(settlements.end()));
  return write();
}

bool OutboxLink::write() {
  const auto written = outbox_.settle(owed_, attempts_);
  if (!written) {
    failed("settle", written.error());
    return false;
  }
  owed_.clear();
  attempts_.clear();
  worked();
  return true;
}

void OutboxLink::failed(std::string_view doing, const Failure& failure) {
  const bool first = !retry_at_;
  retry_at_ = clock_.steady_now() + outbox_retry_interval;
  if (!first) return;
  log_({LogLevel::error,
        "relay_outbox_failed",
        "Delivery stops until the outbox works again; nothing is lost. " + failure.message,
        {{"doing", std::string(doing)}, {"kind", std::string(to_string(failure.kind))}}});
}

void OutboxLink::worked() {
  if (!retry_at_) return;
  retry_at_.reset();
  log_({LogLevel::info, "relay_outbox_recovered", "The outbox works again; delivery goes on.", {}});
}

}  // namespace holdfast::relay
