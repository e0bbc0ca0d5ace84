#include <SQLiteCpp/SQLiteCpp.h>
#include <filesystem>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <optional>

#include "fixture.hpp"
#include "outbox/connection.hpp"
#include "outbox/files.hpp"
#include "outbox/housekeeping.hpp"
#include "outbox/open.hpp"
#include "support/disk_vfs.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using outbox::CheckpointMode;
using outbox::choose_checkpoint;

TEST_CASE("outbox: which checkpoint is due follows from the WAL", "[outbox][checkpoint]") {
  using outbox::checkpoint_step_bytes;
  using outbox::checkpoint_whole_bytes;
  using outbox::is_mark_due;
  using outbox::truncate_bytes;
  using outbox::truncate_idle;
  CHECK(choose_checkpoint({.file_bytes = 0, .idle_for = 1h}) == std::nullopt);
  CHECK(choose_checkpoint({.unmoved_bytes = 1, .file_bytes = 4096, .idle_for = truncate_idle}) ==
        CheckpointMode::truncate);
  CHECK(choose_checkpoint(
            {.unmoved_bytes = 1, .file_bytes = 4096, .idle_for = truncate_idle - 1ns}) ==
        std::nullopt);
  CHECK(
      choose_checkpoint({.unmoved_bytes = 1, .file_bytes = 4096, .quiet = false, .idle_for = 1h}) ==
      std::nullopt);
  CHECK(choose_checkpoint({.file_bytes = 4096, .quiet = false, .holds_erased = true}) ==
        CheckpointMode::truncate);
  // Step by step, each up to a mark, until the WAL is large.
  const std::uint64_t file = 17 * mib;
  for (const bool quiet : {true, false}) {
    const auto choice = [&](std::uint64_t unmoved, std::uint64_t frames, bool marked) {
      return choose_checkpoint({.unmoved_bytes = unmoved,
                                .frame_bytes = frames,
                                .file_bytes = file,
                                .quiet = quiet,
                                .marked = marked});
    };
    CHECK(choice(checkpoint_step_bytes - 1, checkpoint_whole_bytes, true) == std::nullopt);
    CHECK(choice(checkpoint_step_bytes, checkpoint_whole_bytes - 1, true) ==
          CheckpointMode::partial);
    CHECK(choice(checkpoint_step_bytes, checkpoint_whole_bytes - 1, false) == std::nullopt);
    CHECK(choice(checkpoint_step_bytes, checkpoint_whole_bytes, true) == CheckpointMode::passive);
    CHECK(choice(checkpoint_step_bytes, checkpoint_whole_bytes, false) == CheckpointMode::passive);
  }
  CHECK_FALSE(is_mark_due(checkpoint_step_bytes - 1, 0));
  CHECK(is_mark_due(checkpoint_step_bytes, checkpoint_whole_bytes - 1));
  CHECK_FALSE(is_mark_due(checkpoint_step_bytes, checkpoint_whole_bytes));
  CHECK(choose_checkpoint({.file_bytes = truncate_bytes}) == CheckpointMode::truncate);
  CHECK(choose_checkpoint({.file_bytes = truncate_bytes, .quiet = false}) == std::nullopt);
  CHECK(choose_checkpoint(
            {.unmoved_bytes = truncate_bytes, .file_bytes = truncate_bytes, .quiet = false}) ==
        CheckpointMode::truncate);
}

TEST_CASE("outbox: the WAL stays bounded under load and is emptied when idle",
          "[outbox][checkpoint]") {
  Box box;
  box.open();
  std::uint64_t largest = 0;
  for (int i = 0; i < 40; ++i) {
    std::vector<AppendTicket> tickets;
    for (int k = 0; k < 4; ++k) tickets.push_back(box->submit(make_entry(body_of(256 * 1024, k))));
    CHECK(box->run_once());
    largest = std::max(largest, box.wal_bytes());
  }
  // 40 MiB went through it.
  CHECK(largest < outbox::checkpoint_whole_bytes + 2 * outbox::checkpoint_step_bytes);
  REQUIRE(box.wal_bytes() > 0);
  box.clock.advance(outbox::truncate_idle);
  CHECK(box->run_once());
  CHECK(box.wal_bytes() == 0);
  CHECK_FALSE(box->run_once());
}

TEST_CASE("outbox: a partial checkpoint moves what was committed before the mark, without a sync",
          "[outbox][checkpoint]") {
  support::ScratchFolder folder;
  support::DiskVfs disk;
  const auto path = folder.file("some.db");
  write_file(path, "");
  outbox::Connection connection(path, disk.name());
  auto& database = connection.database();
  const auto commit = [&] {
    connection.begin();
    database.exec("CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (zeroblob(99000))");
    connection.commit();
  };
  const auto syncs_of = [&](CheckpointMode mode, bool complete) {
    const auto before = disk.syncs();
    CHECK(connection.checkpoint(mode).complete == complete);
    CHECK_FALSE(connection.is_marked());
    return disk.syncs() - before;
  };
  commit();
  const auto first = connection.unmoved_wal_bytes();
  connection.mark();
  connection.mark();
  REQUIRE(connection.is_marked());
  commit();
  CHECK(syncs_of(CheckpointMode::partial, false) == 0);
  CHECK(connection.unmoved_wal_bytes() < first + 20'000);
  CHECK(connection.unmoved_wal_bytes() > 99'000);
  CHECK(std::filesystem::file_size(path) > 99'000);
  CHECK(database.execAndGet("PRAGMA integrity_check").getString() == "ok");
  // The WAL does not begin anew before a checkpoint that syncs.
  const auto frames = connection.wal_frame_bytes();
  commit();
  CHECK(connection.wal_frame_bytes() > frames);
  CHECK(syncs_of(CheckpointMode::passive, true) == 1);
  commit();
  CHECK(connection.wal_frame_bytes() < frames);
  // A commit that did not come leaves no mark, which would stand behind all that is there.
  connection.begin();
  connection.mark();
  connection.rollback();
  CHECK_FALSE(connection.is_marked());
}

TEST_CASE("outbox: what partial checkpoints have moved is synced beside the writer",
          "[outbox][checkpoint]") {
  support::ScratchFolder folder;
  support::DiskVfs disk;
  const auto path = folder.file("some.db");
  write_file(path, "");
  outbox::Connection connection(path, disk.name());
  auto& database = connection.database();
  database.exec("CREATE TABLE t (x)");
  const auto move_a_part = [&] {
    database.exec("INSERT INTO t VALUES (zeroblob(9000))");
    connection.mark();
    database.exec("INSERT INTO t VALUES (zeroblob(9000))");
    const auto before = disk.syncs();
    CHECK_FALSE(connection.checkpoint(CheckpointMode::partial).complete);
    return before;
  };
  const auto synced_since = [&](int before) {
    return support::eventually([&] { return disk.syncs() > before; }, 10s);
  };
  connection.sync_early();
  CHECK(synced_since(move_a_part()));
  CHECK(synced_since(move_a_part()));
  CHECK(connection.checkpoint(CheckpointMode::passive).complete);
  // The disk tells a failure once. Whoever relied on the next sync would lose what was moved.
  disk.fail(support::DiskVfs::Call::sync, support::DiskVfs::Target::database, SQLITE_IOERR_FSYNC, 0,
            false);
  static_cast<void>(move_a_part());
  CHECK_THROWS_AS(connection.checkpoint(CheckpointMode::passive), SQLite::Exception);
  CHECK_THROWS_AS(connection.checkpoint(CheckpointMode::truncate), SQLite::Exception);
  connection.begin();
  database.exec("INSERT INTO t VALUES (1)");
  CHECK_THROWS_AS(connection.commit(), SQLite::Exception);
}

TEST_CASE("outbox: a checkpoint that moves nothing asks for no sync", "[outbox][checkpoint]") {
  support::ScratchFolder folder;
  support::DiskVfs disk;
  const auto path = folder.file("some.db");
  write_file(path, "");
  int before = 0;
  {
    // Its end waits for what was asked for.
    outbox::Connection connection(path, disk.name());
    connection.sync_early();
    connection.database().exec("CREATE TABLE t (x)");
    CHECK(connection.checkpoint(CheckpointMode::passive).complete);
    SQLite::Database reader(path, SQLite::OPEN_READONLY);
    reader.exec("BEGIN");
    REQUIRE(reader.execAndGet("SELECT count(*) FROM t").getInt() == 0);
    connection.database().exec("INSERT INTO t VALUES (zeroblob(9000))");
    before = disk.syncs();
    CHECK_FALSE(connection.checkpoint(CheckpointMode::passive).complete);
  }
  CHECK(disk.syncs() == before);
}

TEST_CASE("outbox: all that checkpoints need is open before the writer starts",
          "[outbox][checkpoint]") {
  Box box;
  box.open();
  const auto descriptors = [] {
    return std::ranges::distance(std::filesystem::directory_iterator("/proc/self/fd"));
  };
  const auto before = descriptors();
  const RunningWriter writer(*box.outbox);
  // Partial checkpoints, their syncs, and one of all.
  for (int i = 0; i < 20; ++i) REQUIRE(box->append(make_entry(body_of(mib, i)), 10s));
  REQUIRE(box.claim().size() > 1);
  CHECK(descriptors() == before);
}

TEST_CASE("outbox: what a process has moved that ended by a failed sync is moved again",
          "[outbox][checkpoint]") {
  support::ScratchFolder folder;
  const auto path = folder.file("some.db");
  const auto start = [&] {
    return outbox::open_writer(outbox::resolve_files(path), {}, true, [](const LogEvent&) {});
  };
  // Connected for long, without a snapshot: it keeps the WAL-index alive.
  std::optional<SQLite::Database> shell;
  std::uint64_t synced = 0;
  {
    const auto connection = start();
    auto& database = connection->database();
    synced = std::filesystem::file_size(path);
    database.exec("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(9000))");
    shell.emplace(path, SQLite::OPEN_READONLY);
    REQUIRE(shell->execAndGet("SELECT count(*) FROM t").getInt() == 1);
    connection->mark();
    database.exec("INSERT INTO t VALUES (zeroblob(9000))");
    CHECK_FALSE(connection->checkpoint(CheckpointMode::partial).complete);
  }
  // What the kernel does after a failed write: the page is clean, and not on the disk.
  auto pages = read_file(path);
  REQUIRE(pages.size() > synced + 9'000);
  std::fill(pages.begin() + static_cast<std::ptrdiff_t>(synced), pages.end(), '\0');
  write_file(path, pages);
  const auto connection = start();
  auto& database = connection->database();
  CHECK(database.execAndGet("PRAGMA integrity_check").getString() == "ok");
  CHECK(database.execAndGet("SELECT sum(length(x)) FROM t").getInt() == 18'000);
}

TEST_CASE("outbox: what a checkpoint moved does not count as unmoved again",
          "[outbox][checkpoint]") {
  support::ScratchFolder folder;
  const auto path = folder.file("some.db");
  write_file(path, "");
  outbox::Connection connection(path, {});
  const auto commit = [&] {
    connection.begin();
    connection.database().exec(
        "CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (zeroblob(99000))");
    connection.commit();
  };
  commit();
  const auto first = connection.unmoved_wal_bytes();
  CHECK(first > 99'000);
  {
    // A reader that stays keeps the WAL from beginning anew, so that frames stay that were moved.
    SQLite::Database reader(path, SQLite::OPEN_READONLY);
    reader.exec("BEGIN");
    REQUIRE(reader.execAndGet("SELECT count(*) FROM t").getInt() == 1);
    CHECK(connection.checkpoint(CheckpointMode::passive).complete);
    CHECK(connection.unmoved_wal_bytes() == 0);
    commit();
    CHECK(connection.unmoved_wal_bytes() < first + 50'000);
    CHECK_FALSE(connection.checkpoint(CheckpointMode::truncate).complete);
  }
  CHECK(connection.checkpoint(CheckpointMode::passive).complete);
  commit();
  CHECK(connection.unmoved_wal_bytes() > 99'000);
  CHECK(connection.checkpoint(CheckpointMode::truncate).complete);
  CHECK(connection.unmoved_wal_bytes() == 0);
}

TEST_CASE("outbox: a checkpoint that a reader cut short is tried again soon, while commits come",
          "[outbox][checkpoint]") {
  Box box;
  box.open();
  const auto moved_bytes = [&] { return std::filesystem::file_size(box.config.path); };
  const std::string large(1200 * kib, 'x');
  box.append_ok(make_entry(large));
  while (box->run_once()) {
  }
  const auto before = moved_bytes();
  {
    SQLite::Database reader(box.config.path, SQLite::OPEN_READONLY);
    reader.exec("BEGIN");
    REQUIRE(reader.execAndGet("SELECT count(*) FROM entry").getInt() == 1);
    for (int i = 0; i < 3; ++i) box.append_ok(make_entry(large));
    static_cast<void>(box->run_once());
    CHECK(moved_bytes() < before + 2 * large.size());
  }
  // Nothing waited at that moment, and yet the WAL must not grow for a second.
  box.clock.advance(9ms);
  box.append_ok(make_entry("y"));
  static_cast<void>(box->run_once());
  CHECK(moved_bytes() < before + 2 * large.size());
  box.clock.advance(1ms);
  CHECK(box->run_once());
  CHECK(moved_bytes() >= before + 2 * large.size());
}

TEST_CASE("outbox: a reader that holds the WAL delays the checkpoint, and it comes after",
          "[outbox][checkpoint]") {
  Box box;
  box.open();
  box.append_ok(make_entry("x"));
  {
    SQLite::Database reader(box.config.path, SQLite::OPEN_READONLY);
    reader.exec("BEGIN");
    REQUIRE(reader.execAndGet("SELECT count(*) FROM entry").getInt() == 1);
    box.append_ok(make_entry("y"));
    box.clock.advance(10s);
    CHECK_FALSE(box->run_once());
    CHECK(box.wal_bytes() > 0);
    CHECK(box.append(make_entry("z")));
  }
  box.clock.advance(10s);
  CHECK(box->run_once());
  CHECK(box.wal_bytes() == 0);
  CHECK(box.claim().size() == 3);
}
