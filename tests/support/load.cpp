#include "support/load.hpp"

#include <algorithm>
#include <utility>

#include "holdfast/clock.hpp"
#include "support/wait.hpp"

namespace holdfast::support {
namespace {

std::int64_t now_ms() {
  const auto since = SystemClock().steady_now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

}  // namespace

Load::Load(Options options) : options_(std::move(options)), started_ms_(now_ms()) {
  outcomes_.resize(static_cast<std::size_t>(options_.writes));
  for (int i = 0; i < options_.senders; ++i) senders_.emplace_back([this] { send_writes(); });
}

Load::~Load() {
  stop();
}

void Load::send_writes() {
  HttpConnection connection(options_.port);
  while (!stopped_) {
    const int index = next_++;
    if (index >= options_.writes) return;
    if (options_.writes_per_second > 0) {
      const std::int64_t due = started_ms_ + index * 1000LL / options_.writes_per_second;
      pause_for(std::chrono::milliseconds(std::max<std::int64_t>(0, due - now_ms())));
    }
    outcomes_[static_cast<std::size_t>(index)] = options_.make(index);
    send(connection, index);
    ++done_;
  }
}

void Load::send(HttpConnection& connection, int index) {
  WriteOutcome& outcome = outcomes_[static_cast<std::size_t>(index)];
  const bool repeat = options_.repeat_every > 0 && index % options_.repeat_every == 0;
  const std::size_t wanted = repeat ? 2 : 1;
  while (outcome.ids.size() < wanted) {
    const auto response = connection.exchange(outcome.request);
    outcome.last_status = response ? response->status : 0;
    if (response && response->accepted()) {
      outcome.ids.push_back(response->header("Holdfast-Id"));
      continue;
    }
    ++(response ? outcome.refused : outcome.unanswered);
    if (!options_.retry || stopped_) return;
    pause_for(std::chrono::milliseconds(5));
  }
}

std::vector<WriteOutcome> Load::finish() {
  senders_.clear();
  std::erase_if(outcomes_, [](const WriteOutcome& o) {
    return o.ids.empty() && o.unanswered == 0 && o.refused == 0;
  });
  return std::move(outcomes_);
}

std::vector<std::string> accepted_ids(const std::vector<WriteOutcome>& outcomes) {
  std::vector<std::string> ids;
  for (const WriteOutcome& outcome : outcomes)
    ids.insert(ids.end(), outcome.ids.begin(), outcome.ids.end());
  return ids;
}

}  // namespace holdfast::support
