#include <SQLiteCpp/SQLiteCpp.h>
#include <filesystem>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"
#include "outbox/connection.hpp"
#include "outbox/housekeeping.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using outbox::CheckpointMode;
using outbox::choose_checkpoint;

TEST_CASE("outbox: a checkpoint comes by size, sooner when nothing waits, and when idle",
          "[outbox][checkpoint]") {
  using outbox::truncate_bytes;
  using outbox::truncate_idle;
  CHECK(choose_checkpoint({0, 0, true, 1h}) == std::nullopt);
  CHECK(choose_checkpoint({1, 4096, true, truncate_idle}) == CheckpointMode::truncate);
  CHECK(choose_checkpoint({1, 4096, true, truncate_idle - 1ns}) == std::nullopt);
  CHECK(choose_checkpoint({1, 4096, false, 1h}) == std::nullopt);
  // Little at a time on a fast disk, seldom on a slow one, and earlier at a quiet moment.
  for (const auto& [sync, bytes] :
       std::map<std::chrono::nanoseconds, std::uint64_t>{{0us, 2 * mib},
                                                         {125us, 2 * mib},
                                                         {250us, 4 * mib},
                                                         {500us, 8 * mib},
                                                         {1ms, 16 * mib},
                                                         {1s, 16 * mib}}) {
    CAPTURE(sync.count());
    const std::uint64_t file = 17 * mib;
    const auto quiet = std::max<std::uint64_t>(2 * mib, bytes / 4);
    CHECK(choose_checkpoint({bytes - 1, file, false, 0s, false, sync}) == std::nullopt);
    CHECK(choose_checkpoint({bytes, file, false, 0s, false, sync}) == CheckpointMode::passive);
    CHECK(choose_checkpoint({quiet - 1, file, true, 0s, false, sync}) == std::nullopt);
    CHECK(choose_checkpoint({quiet, file, true, 0s, false, sync}) == CheckpointMode::passive);
  }
  CHECK(choose_checkpoint({0, truncate_bytes, true, 0s}) == CheckpointMode::truncate);
  CHECK(choose_checkpoint({0, truncate_bytes, false, 0s}) == std::nullopt);
  CHECK(choose_checkpoint({truncate_bytes, truncate_bytes, false, 0s}) == CheckpointMode::truncate);
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
  CHECK(largest < 10 * mib);
  REQUIRE(box.wal_bytes() > 0);
  box.clock.advance(outbox::truncate_idle);
  CHECK(box->run_once());
  CHECK(box.wal_bytes() == 0);
  CHECK_FALSE(box->run_once());
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
    box.append_ok(make_entry(large));
    box.append_ok(make_entry(large));
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
