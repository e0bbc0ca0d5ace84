#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/outbox.hpp"
#include "support/disk_vfs.hpp"
#include "support/fake_clock.hpp"
#include "support/scratch_folder.hpp"
#include "support/wait.hpp"

namespace holdfast::outbox_tests {

using namespace std::chrono_literals;
using support::DiskVfs;
using support::eventually;
using support::read_file;
using support::write_file;

using Call = DiskVfs::Call;
using Target = DiskVfs::Target;

/// A ListRequest of which only some fields are named.
struct Filter {
  std::optional<EntryState> state = {};
  std::optional<std::string> source = {};
  std::optional<std::string> dedupe_key = {};
  std::optional<std::string> sqlstate = {};
  std::optional<WallTime> since = {};
  std::optional<WallTime> until = {};
  bool oldest_first = false;
  std::uint32_t limit = 50;
  std::optional<std::int64_t> beyond_seq = {};
  operator ListRequest() const {  // NOLINT: implicit, so that it stands where a request does
    return {state, source, dedupe_key, sqlstate, since, until, oldest_first, limit, beyond_seq};
  }
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

  support::ScratchFolder folder;
  support::FakeClock clock;
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
[[nodiscard]] unsigned mode_of(const std::string& path);
/// Ten bodies are alike, a thousand are not: text of a given length with a number in it.
[[nodiscard]] std::string body_of(std::size_t bytes, int number = 0);

}  // namespace holdfast::outbox_tests
