#include "outbox/connection.hpp"

#include <sqlite3.h>

#include <exception>
#include <format>
#include <string_view>

#include "base/check.hpp"
#include "holdfast/failure.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

/// Only a foreign writer or a recovering reader can hold us up; appends wait behind it, so it is
/// short.
constexpr int write_busy_timeout_ms = 100;
/// Of a checkpoint that needs a moment without readers. Appends wait meanwhile, and who calls comes
/// again, so this is about as long as one read of the relay.
constexpr int checkpoint_busy_timeout_ms = 5;

void set_checkpoint_on_close(SQLite::Database& database, bool on) {
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
}

void require(const std::string& path, std::string_view pragma, const std::string& wanted,
             const std::string& found) {
  if (found == wanted) return;
  throw Error(
      {FailureKind::refused,
       std::format("opening outbox {}: {} is {} instead of {}, so a commit would not be durable; "
                   "put outbox.path on a local disk and use an unmodified SQLite",
                   path, pragma, found, wanted)});
}

std::int64_t number_of(SQLite::Statement& statement) {
  Use use(statement);
  return use.step() ? use.column(0).getInt64() : 0;
}

SQLite::Database open_for_writing(const std::string& path, const std::string& vfs) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX,
                            write_busy_timeout_ms, vfs);
  set_checkpoint_on_close(database, false);
  const auto get = [&](const char* sql) { return database.execAndGet(sql).getString(); };
  // page_size counts for a new file only, and must come before WAL.
  database.exec("PRAGMA page_size = 4096");
  // To its end: it commits after its answer, and an error of that would be lost with the statement.
  {
    SQLite::Statement to_wal(database, "PRAGMA journal_mode = WAL");
    const bool answered = to_wal.executeStep();
    require(path, "journal_mode", "wal", answered ? to_wal.getColumn(0).getString() : "");
    while (to_wal.executeStep()) {
    }
  }
  database.exec(
      "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
      // Debian builds with SECURE_DELETE: every freed page would be written once more, as zeros.
      "PRAGMA secure_delete = FAST;"
      // 10 MiB hold the inner pages of all that tens of millions of entries need, and leave the
      // process below 64 MiB with ten million pending.
      "PRAGMA cache_size = -10240");
  require(path, "journal_mode", "wal", get("PRAGMA journal_mode"));
  require(path, "synchronous", "2", get("PRAGMA synchronous"));
  require(path, "wal_autocheckpoint", "0", get("PRAGMA wal_autocheckpoint = 0"));
  // A build without mmap answers nothing at all here, which getString reads as empty.
  SQLite::Statement mmap(database, "PRAGMA mmap_size");
  if (mmap.executeStep()) require(path, "mmap_size", "0", mmap.getColumn(0).getString());
  return database;
}

}  // namespace

Connection::Connection(const std::string& path, const std::string& vfs)
    : path_(path),
      base_vfs_(vfs),
      vfs_(vfs),
      database_(open_for_writing(path, vfs_.name())),
      wal_(std::make_unique<WalProgress>()),
      begin_(database_, "BEGIN"),
      commit_(database_, "COMMIT"),
      page_count_(database_, "PRAGMA page_count"),
      free_count_(database_, "PRAGMA freelist_count"),
      page_bytes_(query_number(database_, "PRAGMA page_size")),
      mark_(path_, base_vfs_) {
  // Being set, the hook also takes the place of SQLite's automatic checkpoint.
  sqlite3_wal_hook(database_.getHandle(), remember, wal_.get());
}

int Connection::remember(void* progress, sqlite3*, const char*, int frames) {
  auto& wal = *static_cast<WalProgress*>(progress);
  // Each commit adds a frame, so a count that has not grown tells that the WAL began anew.
  if (frames <= wal.frames) wal.moved_frames = 0;
  wal.frames = frames;
  return SQLITE_OK;
}

std::uint64_t Connection::wal_frame_bytes() const {
  return static_cast<std::uint64_t>(wal_->frames * page_bytes_);
}

std::uint64_t Connection::unmoved_wal_bytes() const {
  constexpr std::int64_t frame_header_bytes = 24;
  return static_cast<std::uint64_t>((wal_->frames - wal_->moved_frames) *
                                    (page_bytes_ + frame_header_bytes));
}

Connection::~Connection() = default;

void Connection::begin() {
  run(begin_);
}

void Connection::commit() {
  run(commit_);
  require_early_syncs();
}

/// The disk tells a failure once. What it has not taken is in the WAL, which is not to begin anew.
void Connection::require_early_syncs() const {
  if (early_sync_ && early_sync_->has_failed())
    throw SQLite::Exception("syncing the database file failed", SQLITE_IOERR_FSYNC);
}

void Connection::rollback() noexcept {
  // After FULL, IOERR and NOMEM SQLite may have rolled back by itself.
  if (sqlite3_get_autocommit(database_.getHandle()) == 0) database_.tryExec("ROLLBACK");
  // It leaves a commit out that has not come.
  mark_.clear();
}

CheckpointResult Connection::checkpoint(CheckpointMode mode) {
  HOLDFAST_CHECK(sqlite3_get_autocommit(database_.getHandle()) != 0,
                 "checkpoint inside a transaction");
  if (mode != CheckpointMode::partial) {
    mark_.clear();
    if (early_sync_) static_cast<void>(early_sync_->finish());
  }
  require_early_syncs();
  int log_frames = 0;
  int moved_frames = 0;
  database_.setBusyTimeout(checkpoint_busy_timeout_ms);
  const int code = sqlite3_wal_checkpoint_v2(
      database_.getHandle(), "main",
      mode == CheckpointMode::truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &log_frames, &moved_frames);
  database_.setBusyTimeout(write_busy_timeout_ms);
  mark_.clear();
  if (code != SQLITE_OK && reaction_to(code) != Reaction::busy)
    throw SQLite::Exception(database_.getHandle(), code);
  const bool complete = code == SQLITE_OK && log_frames == moved_frames;
  const bool moved = moved_frames > wal_->moved_frames;
  if (log_frames >= 0 && moved_frames >= 0) *wal_ = {log_frames, moved_frames};
  if (early_sync_ && complete) static_cast<void>(early_sync_->finish());
  require_early_syncs();
  if (early_sync_ && moved && !complete) early_sync_->request();
  return {complete, log_frames};
}

void Connection::give_up() noexcept {
  if (early_sync_) early_sync_->give_up();
}

void Connection::move_all_again() {
  // Of the WAL-index (sqlite.org/walformat.html): how many frames were moved, and the lock that
  // whoever checkpoints holds.
  constexpr std::size_t moved_offset = 96;
  constexpr int region_bytes = 32'768;
  constexpr int checkpoint_lock = 1;
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database_.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER,
                       static_cast<void*>(&file));
  if (file == nullptr || file->pMethods == nullptr || file->pMethods->iVersion < 2) return;
  const auto& methods = *file->pMethods;
  void volatile* region = nullptr;
  const auto check = [&](int code) {
    if (code != SQLITE_OK) throw SQLite::Exception(database_.getHandle(), code);
  };
  check(methods.xShmMap(file, 0, region_bytes, 0, &region));
  if (region == nullptr) return;
  check(methods.xShmLock(file, checkpoint_lock, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE));
  auto* const moved = static_cast<std::uint32_t volatile*>(
      static_cast<void volatile*>(static_cast<char volatile*>(region) + moved_offset));
  *moved = 0;
  methods.xShmBarrier(file);
  check(methods.xShmLock(file, checkpoint_lock, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE));
}

void Connection::open_ahead() noexcept {
  if (early_sync_) return;
  mark_.set();
  mark_.clear();
  try {
    early_sync_ = std::make_unique<EarlySync>(path_, base_vfs_);
  } catch (const std::exception&) {
    // Out of memory or descriptors.
  }
}

void Connection::sync_early() noexcept {
  open_ahead();
  if (!early_sync_) return;
  try {
    early_sync_->start();
  } catch (const std::exception&) {
    // Out of memory or threads.
    early_sync_.reset();
  }
}

void Connection::remove_wal_on_close() {
  set_checkpoint_on_close(database_, true);
}

std::uint64_t Connection::free_page_bytes() {
  return static_cast<std::uint64_t>(number_of(free_count_) * page_bytes_);
}

std::uint64_t Connection::used_bytes() {
  return static_cast<std::uint64_t>((number_of(page_count_) - number_of(free_count_)) *
                                    page_bytes_);
}

}  // namespace holdfast::outbox
