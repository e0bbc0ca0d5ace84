#include "outbox/salvage.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <format>

#include "holdfast/failure.hpp"
#include "outbox/damage.hpp"
#include "outbox/schema.hpp"

namespace holdfast::outbox {
namespace {

constexpr std::string_view unfinished_suffix = ".salvage";
constexpr std::string_view finished_suffix = ".salvaged-";
constexpr std::string_view damaged_suffix = ".damaged-";

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error({FailureKind::refused,
               std::format("salvaging outbox {}: {} (nothing was changed)", path, why)});
}

/// Names in the folder of the outbox that begin with its own name and `suffix`.
std::vector<std::string> files_with(const OutboxFiles& files, std::string_view suffix) {
  std::vector<std::string> found;
  std::error_code error;
  const std::string prefix = files.database + std::string(suffix);
  for (std::filesystem::directory_iterator at(files.folder, error), end; !error && at != end;
       at.increment(error))
    if (at->path().string().starts_with(prefix)) found.push_back(at->path().string());
  std::ranges::sort(found);
  return found;
}

void move_file(const std::string& from, const std::string& to) {
  // Never over another file: each damaged one is somebody's only copy of something.
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno == ENOENT) return;
  const int cause = errno;
  if (cause == EINVAL && !file_exists(to) && std::rename(from.c_str(), to.c_str()) == 0) return;
  throw Error({FailureKind::refused,
               std::format("salvaging outbox: renaming {} to {}: {}; let this user write to the "
                           "folder, and move the second file away if it is there",
                           from, to, std::strerror(cause))});
}

/// A name that no file of an earlier salvage has, for salvages within one second.
std::string free_stamp(const OutboxFiles& files, WallTime now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const std::string base = std::format("{:%Y%m%dT%H%M%SZ}", seconds);
  std::string stamp = base;
  const auto taken = [&] {
    return !files_with(files, std::string(damaged_suffix) + stamp).empty() ||
           !files_with(files, std::string(finished_suffix) + stamp).empty();
  };
  for (int i = 2; taken(); ++i) stamp = std::format("{}-{}", base, i);
  return stamp;
}

/// Whether these bytes were an outbox: by the mark in the header, else by the declarations of its
/// tables or its rows. A file that is neither may be anything, and is left alone.
bool is_ours(const ByteSource& database, const PageFile& pages) {
  if (has_our_mark(database)) return true;
  bool ours = false;
  RowScan(pages).run(
      [&](RowKind kind) {
        return !ours &&
               (kind == RowKind::schema || kind == RowKind::entry || kind == RowKind::meta);
      },
      [&](FoundRow&& row) { ours = ours || row.kind != RowKind::schema || is_our_schema(row); });
  return ours;
}

void remove_unfinished(const OutboxFiles& files) {
  for (const auto* suffix : {"", "-wal", "-shm", "-journal"})
    std::remove((files.database + std::string(unfinished_suffix) + suffix).c_str());
}

SalvageCounts build(const OutboxFiles& files, const PageFile& old, WallTime now) {
  const std::string path = files.database + std::string(unfinished_suffix);
  remove_unfinished(files);
  try {
    make_private_file(path);
    return SalvageFile(path, now).fill(old);
  } catch (const SQLite::Exception& error) {
    remove_unfinished(files);
    const bool full = (error.getErrorCode() & 0xFF) == SQLITE_FULL;
    refuse(files.database,
           std::format("{}; {}", error.getErrorStr(),
                       full ? "free disk space, as much as the outbox takes, and start again"
                            : "look at the disk and the kernel log, and start again"));
  }
}

}  // namespace

SalvageReport salvage(const OutboxFiles& files, WallTime now, const SalvageSteps& step) {
  SalvageReport report;
  {
    const FileSource database(files.database);
    const FileSource wal(files.wal);
    if (database.locked_elsewhere())
      refuse(files.database, "it is damaged, and another program has it open; end that program");
    const PageFile pages(database, wal);
    if (!is_ours(database, pages))
      refuse(
          files.database,
          "it is damaged or no outbox: there is nothing of one in it; move it aside and keep it, "
          "or set outbox.path to another file");
    report.counts = build(files, pages, now);
  }
  step();
  const std::string unfinished = files.database + std::string(unfinished_suffix);
  sync_file(unfinished);
  const std::string stamp = free_stamp(files, now);
  move_file(unfinished, files.database + std::string(finished_suffix) + stamp);
  sync_folder(files.folder);
  step();
  report.damaged_file = files.database + std::string(damaged_suffix) + stamp;
  static_cast<void>(finish_salvage(files, step));
  return report;
}

bool finish_salvage(const OutboxFiles& files, const SalvageSteps& step) {
  remove_unfinished(files);
  const auto finished = files_with(files, finished_suffix);
  if (finished.empty()) return false;
  const std::string& whole = finished.back();
  const std::string stamp = whole.substr(files.database.size() + finished_suffix.size());
  const std::string aside = files.database + std::string(damaged_suffix) + stamp;
  // The database last: as long as it has its name, no start takes the folder for an empty one.
  if (!file_exists(aside)) {
    for (const auto* suffix : {"-journal", "-wal", "-shm", ""}) {
      move_file(files.database + suffix, aside + suffix);
      step();
    }
    sync_folder(files.folder);
    step();
  }
  move_file(whole, files.database);
  sync_folder(files.folder);
  step();
  return true;
}

std::vector<std::string> damaged_files(const OutboxFiles& files) {
  auto found = files_with(files, damaged_suffix);
  std::erase_if(found, [](const std::string& name) {
    return name.ends_with("-wal") || name.ends_with("-shm") || name.ends_with("-journal");
  });
  return found;
}

}  // namespace holdfast::outbox
