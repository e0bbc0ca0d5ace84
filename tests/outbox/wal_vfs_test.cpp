#include "outbox/wal_vfs.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "holdfast/failure.hpp"
#include "outbox/connection.hpp"

using namespace holdfast;
using namespace holdfast::outbox;
using namespace holdfast::outbox_tests;

namespace {

/// A file opened as SQLite opens a WAL: its database must be there.
class File {
 public:
  explicit File(const support::ScratchFolder& folder)
      : path_(folder.file("a.db-wal") + std::string(2, '\0')) {
    write_file(folder.file("a.db"), "");
    auto* const vfs = sqlite3_vfs_find(vfs_.name().c_str());
    memory_.resize(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
    file_ = reinterpret_cast<sqlite3_file*>(memory_.data());
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
    REQUIRE(vfs->xOpen(vfs, path_.c_str(), file_, flags, &flags) == SQLITE_OK);
  }
  ~File() { file_->pMethods->xClose(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] int write(const std::string& bytes, sqlite3_int64 at) {
    return file_->pMethods->xWrite(file_, bytes.data(), static_cast<int>(bytes.size()), at);
  }
  [[nodiscard]] int sync() { return file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL); }
  [[nodiscard]] int truncate(sqlite3_int64 size) { return file_->pMethods->xTruncate(file_, size); }
  [[nodiscard]] std::string read(int count, sqlite3_int64 at) {
    std::string bytes(static_cast<std::size_t>(count), '\0');
    CHECK(file_->pMethods->xRead(file_, bytes.data(), count, at) == SQLITE_OK);
    return bytes;
  }
  [[nodiscard]] sqlite3_int64 size() {
    sqlite3_int64 size = 0;
    CHECK(file_->pMethods->xFileSize(file_, &size) == SQLITE_OK);
    return size;
  }

 private:
  WalVfs vfs_{""};
  std::string path_;
  std::vector<std::max_align_t> memory_;
  sqlite3_file* file_ = nullptr;
};

}  // namespace

TEST_CASE("wal vfs: what is written is in the file after the sync, and not before",
          "[outbox][wal_vfs]") {
  const support::ScratchFolder folder;
  File file(folder);
  CHECK(file.write("head", 0) == SQLITE_OK);
  CHECK(file.write("page", 4) == SQLITE_OK);
  CHECK(read_file(folder.file("a.db-wal")).empty());
  CHECK(file.sync() == SQLITE_OK);
  CHECK(read_file(folder.file("a.db-wal")) == "headpage");
  CHECK(file.write("more", 8) == SQLITE_OK);
  CHECK(file.sync() == SQLITE_OK);
  CHECK(read_file(folder.file("a.db-wal")) == "headpagemore");
}

TEST_CASE("wal vfs: who reads, measures or cuts the file finds it written", "[outbox][wal_vfs]") {
  const support::ScratchFolder folder;
  File file(folder);
  CHECK(file.write("0123456789", 0) == SQLITE_OK);
  CHECK(file.read(3, 4) == "456");
  CHECK(file.write("ab", 10) == SQLITE_OK);
  CHECK(file.size() == 12);
  CHECK(file.write("cd", 12) == SQLITE_OK);
  CHECK(file.truncate(13) == SQLITE_OK);
  CHECK(read_file(folder.file("a.db-wal")) == "0123456789abc");
}

TEST_CASE("wal vfs: what is written elsewhere takes its place after what was before",
          "[outbox][wal_vfs]") {
  const support::ScratchFolder folder;
  File file(folder);
  CHECK(file.write("aaaaaaaa", 0) == SQLITE_OK);
  CHECK(file.write("bb", 2) == SQLITE_OK);
  CHECK(file.write("c", 3) == SQLITE_OK);
  CHECK(file.write("dd", 6) == SQLITE_OK);
  CHECK(file.sync() == SQLITE_OK);
  CHECK(read_file(folder.file("a.db-wal")) == "aabcaadd");
}

TEST_CASE("wal vfs: more than is put together is written all the same", "[outbox][wal_vfs]") {
  const support::ScratchFolder folder;
  File file(folder);
  constexpr auto most = static_cast<std::size_t>(WalVfs::buffer_bytes_max);
  std::string written;
  for (const std::size_t bytes : {most, std::size_t{1}, most, most - 1, std::size_t{2}, most + 1}) {
    const std::string text(bytes, static_cast<char>('a' + bytes % 26));
    CHECK(file.write(text, static_cast<sqlite3_int64>(written.size())) == SQLITE_OK);
    written += text;
  }
  CHECK(file.sync() == SQLITE_OK);
  CHECK(read_file(folder.file("a.db-wal")) == written);
}

TEST_CASE("wal vfs: a base that is not there is refused", "[outbox][wal_vfs]") {
  CHECK_THROWS_AS(WalVfs("no-such-vfs"), Error);
}

TEST_CASE("wal vfs: a commit is one write to the WAL and one sync, however many its pages",
          "[outbox][wal_vfs]") {
  const support::ScratchFolder folder;
  DiskVfs disk;
  write_file(folder.file("a.db"), "");
  Connection connection(folder.file("a.db"), disk.name());
  auto& database = connection.database();
  database.exec("CREATE TABLE t (a)");
  const auto writes = disk.writes();
  const auto syncs = disk.syncs();
  database.exec("INSERT INTO t SELECT zeroblob(3000) FROM json_each('[1,2,3,4,5,6,7,8,9,10]')");
  CHECK(disk.writes() == writes + 1);
  CHECK(disk.syncs() == syncs + 1);
  CHECK(database.execAndGet("SELECT count(*) FROM t").getInt() == 10);
}

TEST_CASE("wal vfs: a reader finds all, also after a checkpoint that another reader cut short",
          "[outbox][wal_vfs]") {
  const support::ScratchFolder folder;
  const auto path = folder.file("a.db");
  write_file(path, "");
  Connection connection(path, "");
  auto& database = connection.database();
  database.exec("CREATE TABLE early (a); CREATE TABLE late (a)");
  database.exec("INSERT INTO early SELECT randomblob(3000) FROM json_each('[1,2,3,4,5,6,7,8]')");
  SQLite::Database old(path, SQLite::OPEN_READONLY);
  SQLite::Statement hold(old, "SELECT a FROM early");
  REQUIRE(hold.executeStep());
  database.exec("INSERT INTO late SELECT randomblob(3000) FROM json_each('[1,2,3,4,5,6,7,8]')");
  const auto result = connection.checkpoint(CheckpointMode::passive);
  CHECK_FALSE(result.complete);
  SQLite::Database fresh(path, SQLite::OPEN_READONLY);
  CHECK(fresh.execAndGet("PRAGMA integrity_check").getString() == "ok");
  CHECK(fresh.execAndGet("SELECT sum(length(a)) FROM early").getInt() == 24'000);
  CHECK(fresh.execAndGet("SELECT sum(length(a)) FROM late").getInt() == 24'000);
}

TEST_CASE("wal vfs: a checkpoint syncs the WAL that it finds, and not one that a commit has synced",
          "[outbox][wal_vfs]") {
  const support::ScratchFolder folder;
  DiskVfs disk;
  write_file(folder.file("a.db"), "");
  const auto syncs_of_checkpoint = [&](Connection& connection) {
    const auto before = disk.syncs();
    CHECK(connection.checkpoint(CheckpointMode::passive).complete);
    return disk.syncs() - before;
  };
  {
    Connection connection(folder.file("a.db"), disk.name());
    connection.database().exec("CREATE TABLE t (a)");
    CHECK(syncs_of_checkpoint(connection) == 1);
    connection.database().exec("INSERT INTO t VALUES (1)");
  }
  // Whoever wrote it may have ended before its sync.
  Connection connection(folder.file("a.db"), disk.name());
  CHECK(connection.database().execAndGet("SELECT a FROM t").getInt() == 1);
  CHECK(syncs_of_checkpoint(connection) == 2);
  connection.database().exec("INSERT INTO t VALUES (2)");
  CHECK(syncs_of_checkpoint(connection) == 1);
}
