#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "support/http.hpp"

namespace holdfast::support {

/// What became of one write of a load.
struct WriteOutcome {
  HttpRequest request;
  std::vector<std::string> ids;  ///< Holdfast-Id of each 2xx answer, in order.
  int unanswered = 0;            ///< Requests without any answer: they may have been stored.
  int refused = 0;               ///< Answers other than 2xx.
  int last_status = 0;           ///< 0: no answer.
  bool keyed = false;            ///< Carries a dedupe key, so that every copy is one entry.
};

/// Senders that post many writes on keep-alive connections and remember each answer.
///
/// Threads:  one at a time; its senders are threads of its own.
class Load {
 public:
  struct Options {
    int senders = 4;
    int writes = 0;
    std::function<WriteOutcome(int)> make;  ///< The request of the n-th write; any thread.
    std::uint16_t port = 0;
    bool retry = false;         ///< Send again until a 2xx comes.
    int repeat_every = 0;       ///< Each n-th write is sent once more after its 2xx; 0: none.
    int writes_per_second = 0;  ///< 0: as fast as it goes.
  };
  explicit Load(Options options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Writes that are done with.
  [[nodiscard]] int done() const { return done_; }
  [[nodiscard]] int writes() const { return options_.writes; }
  /// No further write is started; those under way are finished.
  void stop() { stopped_ = true; }
  /// Waits for all senders. Writes that were never started are left out.
  [[nodiscard]] std::vector<WriteOutcome> finish();

 private:
  void send_writes();
  void send(HttpConnection& connection, int index);

  // Constant after construction.
  Options options_;
  std::int64_t started_ms_ = 0;
  // Atomic: any thread.
  std::atomic<int> next_{0};
  std::atomic<int> done_{0};
  std::atomic<bool> stopped_{false};
  // One element a write, touched by the sender that took its index.
  std::vector<WriteOutcome> outcomes_;
  std::vector<std::jthread> senders_;
};

/// Ids of all 2xx answers.
[[nodiscard]] std::vector<std::string> accepted_ids(const std::vector<WriteOutcome>& outcomes);

}  // namespace holdfast::support
