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

std::vector<Entry> OutboxLink::claim(const ClaimRequest& request) {
  if (request.sources.empty()) return {};
  auto claimed = outbox_.claim(request);
  if (!claimed) {
    failed("claim", claimed.error());
    return {};
  }
  if (owed_.empty()) worked();  // That it can be read says nothing of what is to be written.
  return std::move(*claimed);
}

std::optional<std::int64_t> OutboxLink::newest_seq() {
  ListRequest request;
  request.limit = 1;
  const auto newest = outbox_.list(request);
  if (!newest) {
    failed("list", newest.error());
    return std::nullopt;
  }
  if (owed_.empty()) worked();
  return newest->empty() ? 0 : newest->front().seq;
}

Backlog OutboxLink::backlog() const {
  const OutboxStats stats = outbox_.stats();
  return {stats.entries[static_cast<std::size_t>(EntryState::pending)], stats.pending_body_bytes};
}

bool OutboxLink::settle(std::vector<Settlement> settlements) {
  owed_.insert(owed_.end(), std::make_move_iterator(settlements.begin()),
               std::make_move_iterator(settlements.end()));
  return write();
}

bool OutboxLink::settle_later(std::vector<Settlement> settlements) {
  if (ticket_ || retry_at_ || !owed_.empty() || !attempts_.empty())
    return settle(std::move(settlements));
  landing_ = settlements;
  ticket_.emplace(outbox_.settle_later(std::move(settlements)));
  return !ticket_->ready() || land();
}

bool OutboxLink::land() {
  if (!ticket_) return owed_.empty();
  const auto written = ticket_->wait();
  if (written) {
    worked();
  } else {
    owed_.insert(owed_.end(), std::make_move_iterator(landing_.begin()),
                 std::make_move_iterator(landing_.end()));
    failed("settle", written.error());
  }
  ticket_.reset();
  landing_.clear();
  return written.has_value();
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
