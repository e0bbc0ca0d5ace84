#include "relay/split_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.hpp"

namespace holdfast::relay {

SplitQueue::SplitQueue(Batch batch) {
  if (!batch.empty()) parts_.push_back(std::move(batch));
}

Batch SplitQueue::take() {
  HOLDFAST_CHECK(!parts_.empty(), "there is a part to take");
  Batch part = std::move(parts_.back());
  parts_.pop_back();
  return part;
}

void SplitQueue::put_back(Batch part) {
  HOLDFAST_CHECK(!part.empty(), "a part is never empty");
  parts_.push_back(std::move(part));
}

void SplitQueue::put_back_halves(Batch part) {
  HOLDFAST_CHECK(part.size() >= 2, "one entry cannot be split");
  const auto middle = std::next(part.begin(), static_cast<std::ptrdiff_t>(part.size() / 2));
  Batch second(std::make_move_iterator(middle), std::make_move_iterator(part.end()));
  part.erase(middle, part.end());
  parts_.push_back(std::move(second));
  parts_.push_back(std::move(part));
}

void SplitQueue::set_apart(const std::string& source) {
  Batch theirs;
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part)
    std::ranges::copy_if(*part, std::back_inserter(theirs),
                         [&](const Entry& entry) { return entry.source == source; });
  if (theirs.empty()) return;
  drop_source(source);
  parts_.insert(parts_.begin(), std::move(theirs));
}

template <class Dropped>
void SplitQueue::drop(Dropped dropped) {
  for (auto& part : parts_) std::erase_if(part, dropped);
  std::erase_if(parts_, [](const Batch& part) { return part.empty(); });
}

void SplitQueue::drop_group(const OrderGroup& group) {
  drop([&](const Entry& entry) {
    return entry.order_hash == group.order_hash && entry.source == group.source;
  });
}

void SplitQueue::drop_source(const std::string& source) {
  drop([&](const Entry& entry) { return entry.source == source; });
}

}  // namespace holdfast::relay
