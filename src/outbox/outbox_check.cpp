#include "holdfast/outbox_check.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <charconv>
#include <cstring>
#include <format>
#include <fstream>

#include "holdfast/clock.hpp"
#include "outbox/damage.hpp"
#include "outbox/files.hpp"
#include "outbox/filesystem_check.hpp"
#include "outbox/open.hpp"
#include "outbox/read_access.hpp"
#include "outbox/schema.hpp"

namespace holdfast {
namespace {

/// How many steps of SQLite's machine lie between two looks at the clock: some microseconds.
constexpr int steps_between_looks = 10'000;

void look_at_filesystem(OutboxFacts& facts) {
  struct statfs status{};
  if (::statfs(facts.folder.c_str(), &status) != 0)
    throw Error({FailureKind::refused, std::format("looking at {}: {}; check outbox.path",
                                                   facts.folder, std::strerror(errno))});
  const auto kind = outbox::classify_filesystem(static_cast<std::uint32_t>(status.f_type));
  facts.filesystem = kind.name;
  facts.trust = kind.verdict == outbox::FilesystemVerdict::fine   ? FilesystemTrust::fine
                : kind.verdict == outbox::FilesystemVerdict::warn ? FilesystemTrust::goes_away
                                                                  : FilesystemTrust::unsafe;
}

void look_at_files(const outbox::OutboxFiles& files, OutboxFacts& facts) {
  for (const auto& path : {files.database, files.wal, files.database + "-shm", files.lock,
                           files.database + ".state"}) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) continue;
    facts.files.push_back({path, static_cast<std::uint64_t>(status.st_size),
                           static_cast<std::uint32_t>(status.st_mode & 07777U)});
  }
}

std::optional<int> pid_in(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  std::getline(file, text);
  int pid = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return status == std::errc() && pid > 0 ? std::optional(pid) : std::nullopt;
}

/// As the system tells it: to try the lock would refuse a daemon that starts at that moment.
/// Source:   proc_locks(5).
bool is_locked(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return false;
  const std::string inode = std::format(":{} ", status.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);)
    if (line.contains(" FLOCK ") && !line.contains("->") && line.contains(inode)) return true;
  return false;
}

SQLite::Database open_ours(const std::string& path) {
  auto database = outbox::open_read_only(outbox::read_only_uri(path), {});
  static_cast<void>(outbox::check_ours(database, path));
  return database;
}

/// Interrupts whatever the connection does once the time is over.
class TimeLimit {
 public:
  TimeLimit(SQLite::Database& database, std::optional<std::chrono::milliseconds> limit)
      : database_(database) {
    if (!limit) return;
    end_ = clock_.steady_now() + *limit;
    sqlite3_progress_handler(database_.getHandle(), steps_between_looks, &TimeLimit::look, this);
  }
  ~TimeLimit() { sqlite3_progress_handler(database_.getHandle(), 0, nullptr, nullptr); }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  static int look(void* self) {
    const auto* limit = static_cast<TimeLimit*>(self);
    return limit->clock_.steady_now() >= limit->end_ ? 1 : 0;
  }

  SystemClock clock_;
  SQLite::Database& database_;
  SteadyTime end_;
};

OutboxFacts facts_of(const std::string& path) {
  const auto files = outbox::resolve_files(path);
  OutboxFacts facts;
  facts.folder = files.folder;
  look_at_filesystem(facts);
  look_at_files(files, facts);
  facts.wal_bytes = outbox::file_size(files.wal);
  facts.disk_free_bytes = outbox::disk_free_bytes(files.folder);
  facts.daemon_pid = pid_in(files.lock);
  facts.is_locked = is_locked(files.lock);
  if (outbox::file_size(files.database) == 0) return facts;
  auto database = open_ours(files.database);
  const auto pages = outbox::query_number(database, "PRAGMA page_count") -
                     outbox::query_number(database, "PRAGMA freelist_count");
  facts.used_bytes = static_cast<std::uint64_t>(pages) *
                     static_cast<std::uint64_t>(outbox::query_number(database, "PRAGMA page_size"));
  SQLite::Statement node(database, "SELECT node FROM meta");
  if (node.executeStep()) facts.node = outbox::uuid_from(node.getColumn(0));
  return facts;
}

IntegrityFindings findings_of(const std::string& path,
                              std::optional<std::chrono::milliseconds> limit) {
  const auto files = outbox::resolve_files(path);
  if (outbox::file_size(files.database) == 0) return {};
  auto database = open_ours(files.database);
  const TimeLimit ends(database, limit);
  try {
    return {outbox::find_damage(database), true};
  } catch (const SQLite::Exception& error) {
    if (error.getErrorCode() == SQLITE_INTERRUPT) return {std::nullopt, false};
    if (outbox::is_damage(error)) return {error.what(), true};
    throw;
  }
}

}  // namespace

std::expected<OutboxFacts, Failure> look_at_outbox(const std::string& path) {
  return outbox::reading("looking at the outbox", [&] { return facts_of(path); });
}

std::expected<IntegrityFindings, Failure> check_outbox(
    const std::string& path, std::optional<std::chrono::milliseconds> limit) {
  return outbox::reading("checking the outbox", [&] { return findings_of(path, limit); });
}

}  // namespace holdfast
