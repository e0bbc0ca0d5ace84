#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/outbox.hpp"

namespace holdfast::outbox_tests {

using namespace std::chrono_literals;

/// A folder under /tmp that goes away with the test.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Time that moves only when a test says so; the wall may jump by itself.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall_now() const override {
    return WallTime(std::chrono::milliseconds(wall_.load()));
  }
  [[nodiscard]] SteadyTime steady_now() const override {
    return SteadyTime(std::chrono::milliseconds(steady_.load()));
  }
  void advance(std::chrono::milliseconds time) {
    wall_ += time.count();
    steady_ += time.count();
  }
  void jump_wall(std::chrono::milliseconds time) { wall_ += time.count(); }

 private:
  std::atomic<std::int64_t> wall_{1'800'000'000'000};
  std::atomic<std::int64_t> steady_{1'000'000};
};

/// An outbox with a clock of its own, whose writer is driven by the test, one run_once at a time.
class Box {
 public:
  Box();
  ~Box();
  /// Opens; a failure is returned.
  [[nodiscard]] std::expected<void, Failure> try_open();
  void open();
  void reopen();

  /// submit, run_once, wait: the usual append.
  [[nodiscard]] std::expected<Appended, Failure> append(NewEntry entry);
  Uuid append_ok(NewEntry entry);
  /// settle on a thread of its own, while this one writes.
  [[nodiscard]] std::expected<void, Failure> settle(std::vector<Settlement> settlements,
                                                    std::vector<AttemptRecord> attempts = {});
  void settle_all(EntryState state);
  /// run_once until there is no work left.
  void run_until_idle();

  [[nodiscard]] std::vector<Entry> claim(std::vector<std::string> sources = {"orders"});
  [[nodiscard]] std::vector<EntrySummary> list(const ListRequest& request = {});
  [[nodiscard]] Entry find(const Uuid& id);
  [[nodiscard]] std::uint64_t count(EntryState state) const;
  [[nodiscard]] bool logged(const std::string& event) const;
  [[nodiscard]] std::uint64_t wal_bytes() const;
  /// Runs SQL on a connection of its own, as an operator would.
  std::string sql(const std::string& statement, bool writes = false) const;

  TempFolder folder;
  FakeClock clock;
  OutboxConfig config;
  std::string vfs;
  bool checkpoint_on_open = true;
  std::vector<Failure> broken;
  std::unique_ptr<Outbox> outbox;
  Outbox* operator->() { return outbox.get(); }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
};

/// Answers requests by the real writer thread while it lives.
class RunningWriter {
 public:
  explicit RunningWriter(Outbox& outbox)
      : thread_([&outbox](const std::stop_token& stop) { outbox.run_writer(stop); }) {}

 private:
  std::jthread thread_;
};

[[nodiscard]] NewEntry make_entry(std::string body, std::optional<std::string> key = std::nullopt,
                                  std::string source = "orders");
[[nodiscard]] Settlement delivered(std::int64_t seq);
[[nodiscard]] Settlement settlement(std::int64_t seq, EntryState state);
[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);
[[nodiscard]] unsigned mode_of(const std::string& path);
/// Polls until the condition holds; false after the deadline.
[[nodiscard]] bool eventually(const std::function<bool()>& condition,
                              std::chrono::milliseconds deadline = 20s);
/// Ten bodies are alike, a thousand are not: text of a given length with a number in it.
[[nodiscard]] std::string body_of(std::size_t bytes, int number = 0);

}  // namespace holdfast::outbox_tests
