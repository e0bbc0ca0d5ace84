#include "relay/split_queue.hpp"

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

void SplitQueue::drop_group(std::string_view group) {
  for (auto& part : parts_)
    std::erase_if(part, [&](const Entry& entry) { return group_of(entry) == group; });
  std::erase_if(parts_, [](const Batch& part) { return part.empty(); });
}

}  // namespace holdfast::relay
