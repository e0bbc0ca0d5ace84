#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace holdfast::outbox {

/// Syncs the database file beside the writer, after a checkpoint that did not, so that the next one
/// that does finds little left. No promise rests on what it syncs; but what the disk has refused to
/// it, the disk may not tell another. After a sync that failed it does nothing any more.
///
/// Threads:  has one of its own from `start` on; the rest is for one at a time.
class EarlySync {
 public:
  /// `vfs` as for open_read_only.
  /// Errors:   throws SQLite::Exception, std::bad_alloc.
  EarlySync(const std::string& path, const std::string& vfs);
  /// Blocks:   while a sync is under way.
  ~EarlySync();
  EarlySync(const EarlySync&) = delete;
  EarlySync& operator=(const EarlySync&) = delete;

  /// Errors:   throws std::system_error without a thread.
  void start();
  /// Comes back at once; does nothing before the start.
  void request();
  /// Blocks:   until what was requested is done.
  /// Returns:  false if any sync so far has failed.
  [[nodiscard]] bool finish();
  [[nodiscard]] bool has_failed() const { return failed_; }
  /// Begins no sync any more.
  void give_up();

 private:
  void run(const std::stop_token& stop);

  SQLite::Database database_;  ///< For its file alone; nothing is read by it.
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool requested_ = false;
  bool syncing_ = false;
  bool given_up_ = false;
  std::atomic<bool> failed_ = false;
  std::jthread thread_;
};

}  // namespace holdfast::outbox
