#include <sys/stat.h>
#include <unistd.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "fixture.hpp"
#include "holdfast/outbox_reader.hpp"
#include "outbox/schema.hpp"
#include "support/leaks_allowed.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

Failure open_refused(Box& box) {
  const auto opened = box.try_open();
  REQUIRE(!opened);
  return opened.error();
}

}  // namespace

TEST_CASE("outbox: a new file is made, migrated and marked as ours", "[outbox][open]") {
  Box box;
  box.open();
  CHECK(box.sql("PRAGMA application_id") == std::to_string(outbox::application_id) + "\n");
  CHECK(box.sql("PRAGMA user_version") == std::to_string(outbox::latest_version()) + "\n");
  CHECK(box.sql("PRAGMA journal_mode") == "wal\n");
  CHECK(box.sql("PRAGMA page_size") == "4096\n");
  CHECK(box.sql("PRAGMA integrity_check") == "ok\n");
}

TEST_CASE("outbox: a file left empty by a power cut while it was made is used", "[outbox][open]") {
  Box box;
  write_file(box.config.path, "");
  box.open();
  box.append_ok(make_entry("x"));
}

TEST_CASE("outbox: all files have mode 0600 whatever the umask and whatever they had before",
          "[outbox][open]") {
  const mode_t before = ::umask(0);
  Box box;
  const auto check_modes = [&] {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
      INFO(suffix);
      CHECK(mode_of(box.config.path + suffix) == 0600);
    }
  };
  box.open();
  box.append_ok(make_entry("x"));
  check_modes();
  box.outbox.reset();
  std::filesystem::permissions(box.config.path, std::filesystem::perms(0644));
  box.open();
  check_modes();
  ::umask(0777);
  Box narrow;
  narrow.open();
  CHECK(mode_of(narrow.config.path) == 0600);
  CHECK(mode_of(narrow.config.path + "-wal") == 0600);
  ::umask(before);
}

TEST_CASE("outbox: a second process is refused with the pid of the first", "[outbox][open]") {
  Box first;
  first.open();
  Box second;
  second.config.path = first.config.path;
  const auto refused = open_refused(second);
  CHECK(refused.kind == FailureKind::refused);
  CHECK_THAT(refused.message, ContainsSubstring("process " + std::to_string(::getpid())));
  CHECK_THAT(refused.message, ContainsSubstring("stop it"));
  // By another name as well.
  second.config.path = second.folder.file("link.db");
  std::filesystem::create_symlink(first.config.path, second.config.path);
  CHECK(open_refused(second).kind == FailureKind::refused);
  first.append_ok(make_entry("unharmed"));
  first.outbox.reset();
  second.open();
  CHECK(second.claim().size() == 1);
}

TEST_CASE("outbox: a folder that does not exist and a path that is no file are refused",
          "[outbox][open]") {
  Box box;
  box.config.path = box.folder.file("missing/holdfast.db");
  CHECK(open_refused(box).kind == FailureKind::refused);
  CHECK_THAT(open_refused(box).message, ContainsSubstring("folder does not exist"));
  box.config.path = box.folder.path();
  CHECK(open_refused(box).kind == FailureKind::refused);
  box.config.path = "";
  CHECK(open_refused(box).kind == FailureKind::refused);
}

TEST_CASE("outbox: paths with odd characters work", "[outbox][open]") {
  Box box;
  box.config.path = box.folder.file("a b?mode=memory#c%41&d.db");
  box.open();
  const auto id = box.append_ok(make_entry("x"));
  box.reopen();
  CHECK(box.find(id).body == "x");
  const auto reader = OutboxReader::open(box.config.path);
  CHECK(reader);
  CHECK(std::filesystem::exists(box.config.path));
}

TEST_CASE("outbox: a database of another program is refused untouched", "[outbox][open]") {
  Box box;
  for (const bool wal : {false, true}) {
    {
      SQLite::Database other(box.config.path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
      if (wal) static_cast<void>(other.execAndGet("PRAGMA journal_mode = WAL").getString());
      other.exec("CREATE TABLE IF NOT EXISTS things (x); INSERT INTO things VALUES (1)");
    }
    const auto before = read_file(box.config.path);
    const auto mode = mode_of(box.config.path);
    const auto refused = open_refused(box);
    CHECK(refused.kind == FailureKind::refused);
    CHECK_THAT(refused.message, ContainsSubstring("another program"));
    CHECK(read_file(box.config.path) == before);
    CHECK(mode_of(box.config.path) == mode);
    CHECK_FALSE(std::filesystem::exists(box.config.path + "-wal"));
    CHECK_FALSE(std::filesystem::exists(box.config.path + "-shm"));
  }
}

TEST_CASE("outbox: a file of a newer version is refused untouched", "[outbox][open]") {
  Box box;
  box.open();
  box.append_ok(make_entry("x"));
  box.outbox.reset();
  const auto newer = std::to_string(outbox::latest_version() + 1);
  box.sql("PRAGMA user_version = " + newer, true);
  const auto before = read_file(box.config.path);
  const auto refused = open_refused(box);
  CHECK(refused.kind == FailureKind::refused);
  CHECK_THAT(refused.message, ContainsSubstring("version " + newer));
  CHECK(read_file(box.config.path) == before);
  const auto reader = OutboxReader::open(box.config.path);
  REQUIRE(!reader);
  CHECK(reader.error().kind == FailureKind::refused);
  CHECK(read_file(box.config.path) == before);
}

TEST_CASE("outbox: a newer version that is in the WAL alone is refused untouched too",
          "[outbox][open]") {
  Box box;
  box.open();
  box.append_ok(make_entry("x"));
  // A copy of both files while they are in use is what a crash leaves.
  Box crashed;
  const auto copy = [&] {
    for (const char* suffix : {"", "-wal"})
      write_file(crashed.config.path + suffix, read_file(box.config.path + suffix));
  };
  SQLite::Database writer(box.config.path, SQLite::OPEN_READWRITE);
  writer.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99");
  copy();
  const auto database = read_file(crashed.config.path);
  const auto wal = read_file(crashed.config.path + "-wal");
  REQUIRE(!wal.empty());
  const auto refused = open_refused(crashed);
  CHECK(refused.kind == FailureKind::refused);
  CHECK_THAT(refused.message, ContainsSubstring("version 99"));
  CHECK(read_file(crashed.config.path) == database);
  CHECK(read_file(crashed.config.path + "-wal") == wal);
}

TEST_CASE("outbox: a file that shows no trace of an outbox is refused untouched",
          "[outbox][open][salvage]") {
  Box box;
  write_file(box.config.path, std::string(8192, 'z'));
  const auto before = read_file(box.config.path);
  const auto failure = open_refused(box);
  CHECK(failure.kind == FailureKind::refused);
  CHECK_THAT(failure.message, ContainsSubstring("move it aside"));
  CHECK(read_file(box.config.path) == before);
}

TEST_CASE("outbox: counters that contradict the entries are damage, and are counted anew",
          "[outbox][open][salvage]") {
  Box box;
  box.open();
  box.append_ok(make_entry("x"));
  const auto node = box->node();
  box.outbox.reset();
  bool node_stays = false;
  SECTION("gone") {
    box.sql("DELETE FROM meta", true);
  }
  SECTION("behind") {
    box.sql("UPDATE meta SET next_seq = 1", true);
    node_stays = true;
  }
  box.open();
  CHECK(box.logged("outbox_salvaged"));
  CHECK((box->node() == node) == node_stays);
  CHECK(box.count(EntryState::pending) == 1);
  box.append_ok(make_entry("y"));
  CHECK(box.claim().size() == 2);
}

TEST_CASE("outbox: where WAL cannot be had, opening is refused", "[outbox][open]") {
  DiskVfs vfs;
  vfs.without_shared_memory();
  Box box;
  box.vfs = vfs.name();
  const auto refused = open_refused(box);
  CHECK(refused.kind == FailureKind::refused);
  CHECK_THAT(refused.message, ContainsSubstring("journal_mode"));
}

TEST_CASE("outbox: a WAL whose database is gone is refused and kept, byte for byte",
          "[outbox][open][crash]") {
  Box box;
  box.open();
  static_cast<void>(box.append_ok(make_entry("precious")));
  const auto wal = read_file(box.config.path + "-wal");
  REQUIRE(wal.contains("precious"));
  Box left;
  write_file(left.config.path + "-wal", wal);
  SECTION("missing") {}
  SECTION("empty") {
    write_file(left.config.path, "");
  }
  const auto refused = open_refused(left);
  CHECK(refused.kind == FailureKind::refused);
  CHECK_THAT(refused.message, ContainsSubstring("put the file back"));
  CHECK(read_file(left.config.path + "-wal") == wal);
}

TEST_CASE("outbox: what a crash left in the WAL is in the database file before open returns",
          "[outbox][open][crash]") {
  Box box;
  box.open();
  CHECK_FALSE(box.logged("outbox_recovered"));
  const auto id = box.append_ok(make_entry("recovered"));
  Box crashed;
  for (const char* suffix : {"", "-wal"})
    write_file(crashed.config.path + suffix, read_file(box.config.path + suffix));
  REQUIRE(crashed.wal_bytes() > 0);
  SECTION("with the checkpoint") {
    crashed.open();
    CHECK(crashed.wal_bytes() == 0);
    CHECK(crashed.logged("outbox_recovered"));
  }
  SECTION("without, as a test may ask") {
    crashed.checkpoint_on_open = false;
    crashed.open();
    CHECK(crashed.wal_bytes() > 0);
  }
  CHECK(crashed.find(id).body == "recovered");
}

TEST_CASE("outbox: a reader that holds the WAL of a crash keeps the outbox from opening",
          "[outbox][open][slow]") {
  Box box;
  box.open();
  box.append_ok(make_entry("x"));
  Box crashed;
  for (const char* suffix : {"", "-wal"})
    write_file(crashed.config.path + suffix, read_file(box.config.path + suffix));
  {
    SQLite::Database reader(crashed.config.path, SQLite::OPEN_READONLY);
    reader.exec("BEGIN");
    REQUIRE(reader.execAndGet("SELECT count(*) FROM entry").getInt() == 1);
    const auto refused = open_refused(crashed);
    CHECK(refused.kind == FailureKind::refused);
    CHECK_THAT(refused.message, ContainsSubstring("another program reads it"));
  }
  crashed.open();
}

TEST_CASE("outbox: a start does not look at each entry", "[outbox][open][slow]") {
  Box box;
  box.open();
  box.outbox.reset();
  // A million narrow rows, made by SQL: what matters is their number.
  box.sql(
      "BEGIN; INSERT INTO source VALUES (1, 'orders');"
      "INSERT INTO entry (seq, id, source_id, state, received_at, body_bytes, payload_kept, "
      "body_sha256)"
      " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
      " SELECT i, unhex(printf('%032x', i)), 1, 0, i, 0, 1, zeroblob(32) FROM n;"
      "UPDATE meta SET next_seq = 1000001, pending = 1000000; COMMIT",
      true);
  const SystemClock clock;
  const auto start = clock.steady_now();
  box.open();
  CHECK(clock.steady_now() - start < 1s);
  CHECK(box.count(EntryState::pending) == 1'000'000);
  CHECK(box->stats().oldest_pending_received_at == WallTime(1ms));
}

TEST_CASE("outbox: a file removed or replaced under a running process is noticed before the answer",
          "[outbox][open][fault]") {
  const support::LeaksAllowed leaks;
  Box box;
  box.open();
  box.append_ok(make_entry("x"));
  const char* suffix = GENERATE("", "-wal");
  std::filesystem::rename(box.config.path + suffix, box.config.path + ".aside");
  const auto refused = box.append(make_entry("lost"));
  REQUIRE(!refused);
  CHECK(refused.error().kind == FailureKind::broken);
  CHECK(box.broken.size() == 1);
}

TEST_CASE("outbox: what another program had half done is taken back at the start",
          "[outbox][open]") {
  Box box;
  box.open();
  box.append_ok(make_entry("kept"));
  box.outbox.reset();
  Box cut;
  {
    SQLite::Database database(box.config.path, SQLite::OPEN_READWRITE);
    CHECK(database.execAndGet("PRAGMA journal_mode = DELETE").getString() == "delete");
    database.exec("BEGIN IMMEDIATE; DELETE FROM entry; DELETE FROM payload");
    REQUIRE(sqlite3_db_cacheflush(database.getHandle()) == SQLITE_OK);
    for (const auto* suffix : {"", "-journal"})
      std::filesystem::copy_file(box.config.path + suffix, cut.config.path + suffix);
  }
  cut.open();
  CHECK(cut.claim().size() == 1);
  CHECK_FALSE(cut.logged("outbox_salvaged"));
}
