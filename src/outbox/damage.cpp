#include "outbox/damage.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <format>

#include "outbox/key_run.hpp"
#include "outbox/page_bytes.hpp"
#include "outbox/page_file.hpp"
#include "outbox/schema.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

constexpr std::size_t word_bytes = 8;

/// Padded to one length, so that one word is written over another in place.
std::string padded(std::string_view word) {
  std::string text(word);
  text.resize(word_bytes - 1, ' ');
  return text + '\n';
}

struct Check {
  const char* sql;  ///< Gives a row for what must not be.
  const char* what;
};
constexpr std::array checks{
    Check{"SELECT 1 FROM entry WHERE length(id) <> 16 OR length(body_sha256) <> 32 OR "
          "state NOT BETWEEN 0 AND 3 OR length(duplicate_of) <> 16 OR "
          "length(conflicts_with) <> 16 OR length(replay_of) <> 16",
          "an entry has an impossible value"},
    Check{"SELECT 1 FROM entry LEFT JOIN source ON source.id = source_id WHERE source.id IS NULL",
          "an entry has no source"},
    Check{"SELECT 1 FROM entry LEFT JOIN payload USING (seq) WHERE state = 0 AND "
          "payload.seq IS NULL",
          "a pending entry has no payload"},
    Check{"SELECT 1 FROM payload LEFT JOIN entry USING (seq) WHERE entry.seq IS NULL",
          "a payload has no entry"},
    Check{"SELECT 1 FROM meta WHERE length(node) <> 16 OR length(last_id) <> 16 OR "
          "next_seq <= (SELECT ifnull(max(seq), 0) FROM entry) OR "
          "(pending, delivered, dead, discarded, pending_bytes) <> (SELECT "
          "ifnull(sum(state = 0), 0), ifnull(sum(state = 1), 0), ifnull(sum(state = 2), 0), "
          "ifnull(sum(state = 3), 0), ifnull(sum(iif(state = 0, body_bytes, 0)), 0) FROM entry)",
          "the counters do not fit the entries"},
};

constexpr std::array probes{
    "SELECT count(*) FROM (SELECT node, next_seq, last_id, pending_bytes FROM meta)",
    "SELECT count(*) FROM source",
    "SELECT min(seq) FROM entry",
    "SELECT max(seq) FROM entry",
    "SELECT max(id) FROM entry",
    "SELECT max(id) FROM key_run",
    "SELECT max(id) FROM key_block",
    "SELECT indexed_seq FROM key_progress",
    "SELECT min(seq) FROM entry INDEXED BY entry_pending WHERE state = 0 AND source_id IN "
    "(SELECT id FROM source)",
    "SELECT state FROM entry INDEXED BY entry_aside WHERE state >= 2 LIMIT 1",
    "SELECT state FROM entry INDEXED BY entry_settled WHERE settled_at IS NOT NULL LIMIT 1",
    "SELECT min(seq) FROM payload",
    "SELECT max(seq) FROM payload",
    "SELECT seq FROM attempt ORDER BY seq LIMIT 1",
    "SELECT seq FROM attempt ORDER BY seq DESC LIMIT 1",
};

/// Fields that never differ in a file of ours, but for zeros before its first table.
bool header_is_possible(const ByteSource& database) {
  std::array<std::uint8_t, 100> header{};
  if (!database.read(0, header) || big_endian_32(header, 68) != application_id) return true;
  const auto is_version = [](std::uint8_t version) { return version == 1 || version == 2; };
  return is_version(header[18]) && is_version(header[19]) && header[20] == 0 &&
         big_endian_32(header, 44) <= 4 && big_endian_32(header, 56) <= 1;
}

}  // namespace

bool has_our_mark(const ByteSource& database) {
  std::array<std::uint8_t, 72> header{};
  return database.read(0, header) && big_endian_32(header, 68) == application_id;
}

LastUse StateFile::read() const {
  const int descriptor = ::open(path().c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT ? LastUse::closed : LastUse::suspect;
  std::array<char, word_bytes> bytes{};
  const auto got = ::read(descriptor, bytes.data(), bytes.size());
  ::close(descriptor);
  const std::string word(bytes.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
  if (word == padded("open")) return LastUse::open;
  if (word == padded("closing")) return LastUse::closing;
  // Empty is what a power cut makes of a new one.
  return word.empty() ? LastUse::open : LastUse::suspect;
}

bool StateFile::write(std::string_view word) const noexcept {
  const int descriptor = ::open(path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return false;
  const auto text = padded(word);
  const bool written =
      ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
      ::fdatasync(descriptor) == 0;
  ::close(descriptor);
  return written;
}

void StateFile::opened() const {
  // The WAL first, since this file says that there is one.
  sync_folder(files_.folder);
  if (!write("open"))
    throw Error(
        {FailureKind::refused,
         std::format("opening outbox {}: writing {}: {}; let this user write to the folder, "
                     "and look at the disk",
                     files_.database, path(), std::strerror(errno))});
  sync_folder(files_.folder);
}

void StateFile::closing() const noexcept {
  static_cast<void>(write("closing"));
}

void StateFile::closed() const noexcept {
  static_cast<void>(::unlink(path().c_str()));
}

void StateFile::suspect() const noexcept {
  static_cast<void>(write("suspect"));
}

bool is_damage(const SQLite::Exception& error) {
  switch (error.getExtendedErrorCode()) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_CORRUPTFS: return true;
    default: break;
  }
  const int code = error.getErrorCode() & 0xFF;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

void probe_trees(SQLite::Database& database) {
  for (const char* sql : probes) {
    SQLite::Statement probe(database, sql);
    static_cast<void>(probe.executeStep());
  }
}

std::optional<std::string> find_damage(SQLite::Database& database) {
  const auto verdict = database.execAndGet("PRAGMA integrity_check(1)").getString();
  if (verdict != "ok") return verdict;
  for (const auto& check : checks) {
    SQLite::Statement find(database, check.sql);
    if (find.executeStep()) return check.what;
  }
  if (!all_keys_are_indexed(database)) return "a key is not in its index";
  return std::nullopt;
}

std::optional<std::string> find_silent_damage(const OutboxFiles& files) {
  const FileSource database(files.database);
  const FileSource wal(files.wal);
  if (database.size() == 0) return std::nullopt;
  if (!header_is_possible(database)) return "a field of the header is impossible";
  const PageFile pages(database, wal);
  if (pages.wal_damaged()) return "the -wal file has a hole in it";
  if (pages.cut_short()) return "the file is shorter than its header says";
  return std::nullopt;
}

}  // namespace holdfast::outbox
