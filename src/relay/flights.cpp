#include "relay/flights.hpp"

#include <algorithm>

namespace holdfast::relay {

std::uint64_t Flights::changes() const {
  const std::scoped_lock lock(mutex_);
  return changes_;
}

Flights::Flight::Flight(Flights& flights, std::uint32_t machine, const Batch& batch,
                        std::uint64_t changes, const std::stop_token& stop,
                        const std::function<void()>& before_wait)
    : flights_(flights), machine_(machine) {
  std::unique_lock lock(flights_.mutex_);
  const auto is_free = [&] {
    return flights_.held_back_.empty() || std::ranges::none_of(batch, [&](const Entry& entry) {
             return flights_.held_back_.contains(entry.seq);
           });
  };
  if (before_wait && !is_free()) {
    lock.unlock();
    before_wait();
    lock.lock();
  }
  if (!flights_.changed_.wait(lock, stop, is_free) || flights_.changes_ != changes) return;
  auto& now = flights_.sent_[machine_].now[this];
  for (const Entry& entry : batch) now.push_back(entry.seq);
  std::ranges::sort(now);
  begun_ = true;
}

Flights::Flight::~Flight() {
  if (!begun_) return;
  {
    const std::scoped_lock lock(flights_.mutex_);
    auto& sent = flights_.sent_[machine_];
    const auto now = sent.now.extract(this);
    if (told_) {
      flights_.told(now.mapped());
    } else {
      sent.in_doubt.insert(now.mapped().begin(), now.mapped().end());
    }
  }
  flights_.changed_.notify_all();
}

/// Whichever machine it was with before: another relay may have another number of them.
void Flights::told(const std::vector<std::int64_t>& seqs) {
  for (auto& [machine, sent] : sent_)
    if (!sent.in_doubt.empty())
      for (const auto seq : seqs) sent.in_doubt.erase(seq);
}

bool Flights::in_flight(std::int64_t seq) const {
  return std::ranges::any_of(sent_, [&](const auto& machine) {
    const Sent& sent = machine.second;
    return sent.in_doubt.contains(seq) || std::ranges::any_of(sent.now, [&](const auto& flight) {
             return std::ranges::binary_search(flight.second, seq);
           });
  });
}

bool Flights::hold_back(std::int64_t seq, std::chrono::milliseconds limit) {
  // Beyond a day it is no limit any more, and adding it to the clock could overflow.
  constexpr std::chrono::milliseconds limit_max = std::chrono::hours(24);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::min(limit, limit_max), [&] { return closed_ || !in_flight(seq); });
  if (in_flight(seq)) return false;
  held_back_.insert(seq);
  return true;
}

void Flights::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

void Flights::release(std::int64_t seq) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = held_back_.find(seq); found != held_back_.end()) held_back_.erase(found);
    ++changes_;
  }
  changed_.notify_all();
}

}  // namespace holdfast::relay
