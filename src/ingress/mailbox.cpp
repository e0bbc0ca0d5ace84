#include "ingress/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "base/check.hpp"

namespace holdfast::ingress {

Mailbox::Mailbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  HOLDFAST_CHECK(wake_ >= 0, "no eventfd for the event loop");
}

Mailbox::~Mailbox() {
  ::close(wake_);
}

void Mailbox::put(Outcome outcome) noexcept {
  bool first = false;
  try {
    const std::scoped_lock lock(mutex_);
    first = outcomes_.empty();
    outcomes_.push_back(std::move(outcome));
  } catch (const std::exception&) {
    return;
  }
  // The loop takes all that is there, so only the first has to wake it.
  if (first) wake();
}

void Mailbox::wake() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof(one));
}

void Mailbox::take(std::vector<Outcome>& into) {
  into.clear();
  const std::scoped_lock lock(mutex_);
  into.swap(outcomes_);
  serving_ = !into.empty();
}

void Mailbox::served() {
  {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(serving_, false)) return;
  }
  served_.notify_all();
}

bool Mailbox::await_served(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return served_.wait_for(lock, limit, [&] { return outcomes_.empty() && !serving_; });
}

void Mailbox::clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(wake_, &count, sizeof(count));
}

}  // namespace holdfast::ingress
