#include "outbox/early_sync.hpp"

#include <sqlite3.h>

#include <utility>

#include "base/thread_name.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

bool sync(SQLite::Database& database) {
  sqlite3_file* file = nullptr;
  const int code = sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER,
                                        static_cast<void*>(&file));
  if (code != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return false;
  return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

}  // namespace

EarlySync::EarlySync(const std::string& path, const std::string& vfs)
    : database_(open_read_only(read_only_uri(path), vfs)) {}

EarlySync::~EarlySync() {
  if (!thread_.joinable()) return;
  // Before the members that it uses go.
  thread_.request_stop();
  thread_.join();
}

void EarlySync::start() {
  if (!thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EarlySync::request() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    if (failed_ || given_up_) return;
    requested_ = true;
  }
  changed_.notify_all();
}

bool EarlySync::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !requested_ && !syncing_; });
  return !failed_;
}

void EarlySync::give_up() {
  const std::scoped_lock lock(mutex_);
  given_up_ = true;
  requested_ = false;
}

void EarlySync::run(const std::stop_token& stop) {
  base::name_this_thread("hf-sync");
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return requested_; })) {
    requested_ = false;
    syncing_ = true;
    lock.unlock();
    const bool synced = sync(database_);
    lock.lock();
    syncing_ = false;
    if (!synced) {
      failed_ = true;
      requested_ = false;
    }
    changed_.notify_all();
  }
}

}  // namespace holdfast::outbox
