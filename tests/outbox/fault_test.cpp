#include <sqlite3.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "fixture.hpp"
#include "support/leaks_allowed.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("outbox: no request is answered before the sync of the WAL", "[outbox][fault]") {
  DiskVfs vfs;
  Box box;
  box.vfs = vfs.name();
  box.open();
  auto ticket = box->submit(make_entry("x"));
  int syncs = 0;
  bool answered_early = false;
  vfs.before_wal_sync([&] {
    ++syncs;
    answered_early = answered_early || ticket.wait(0ms).has_value();
  });
  CHECK(box->run_once());
  CHECK(syncs == 1);
  CHECK_FALSE(answered_early);
  CHECK(ticket.wait(0ms));
  vfs.before_wal_sync({});
}

TEST_CASE("outbox: one group is one sync, and duplicates alone are none", "[outbox][fault]") {
  DiskVfs vfs;
  Box box;
  box.vfs = vfs.name();
  box.open();
  const auto before = vfs.syncs();
  std::vector<AppendTicket> tickets;
  for (int i = 0; i < 50; ++i)
    tickets.push_back(box->submit(make_entry(body_of(10, i), std::to_string(i))));
  CHECK(box->run_once());
  const auto with_group = vfs.syncs();
  // The first commit into an empty WAL also syncs its header.
  CHECK(with_group - before <= 2);
  const auto writes = vfs.writes();
  CHECK(box.append(make_entry(body_of(10, 3), "3"))->duplicate);
  CHECK(vfs.syncs() == with_group);
  CHECK(vfs.writes() == writes);
}

TEST_CASE("outbox: an I/O error at commit breaks the outbox for good, without closing it",
          "[outbox][fault]") {
  const support::LeaksAllowed leaks;
  const auto call = GENERATE(Call::sync, Call::write);
  DiskVfs vfs;
  Box box;
  box.vfs = vfs.name();
  box.open();
  const auto kept = box.append_ok(make_entry("kept"));
  vfs.fail(call, Target::wal, call == Call::sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE, 0,
           false);
  auto first = box->submit(make_entry("one"));
  auto second = box->submit(make_entry("two"));
  static_cast<void>(box->run_once());
  for (auto* ticket : {&first, &second}) {
    const auto answer = ticket->wait(0ms);
    REQUIRE(!answer);
    CHECK(answer.error().kind == FailureKind::broken);
    CHECK_THAT(answer.error().message, ContainsSubstring("the process must stop"));
  }
  REQUIRE(box.broken.size() == 1);
  CHECK(box.logged("outbox_broken"));

  // The disk is well again, but a sync that failed once may have lost what it was for.
  vfs.heal();
  const auto syncs = vfs.syncs();
  const auto writes = vfs.writes();
  const auto closes = vfs.database_closes();
  CHECK(box->append(make_entry("three"), 1s).error().kind == FailureKind::broken);
  CHECK(box->settle({delivered(1)}).error().kind == FailureKind::broken);
  CHECK(box->claim({}).error().kind == FailureKind::broken);
  CHECK(box->find(kept).error().kind == FailureKind::broken);
  CHECK(box->list({}).error().kind == FailureKind::broken);
  CHECK_FALSE(box->run_once());
  CHECK_FALSE(box->stats().can_store);
  box->close();
  box.outbox.reset();
  CHECK(vfs.syncs() == syncs);
  CHECK(vfs.writes() == writes);
  // Only the reader's: the writer's connection is given up open.
  CHECK(vfs.database_closes() == closes + 1);
  CHECK(box.broken.size() == 1);

  // The restart recovers what was acknowledged.
  box.vfs.clear();
  box.open();
  CHECK(box.find(kept).body == "kept");
  CHECK(box.append(make_entry("after")));
}

TEST_CASE("outbox: waiting requests are refused before on_broken is called", "[outbox][fault]") {
  const support::LeaksAllowed leaks;
  DiskVfs vfs;
  support::ScratchFolder folder;
  support::FakeClock clock;
  OutboxConfig config;
  config.path = folder.file("holdfast.db");
  config.disk_reserve_bytes = 0;
  std::vector<AppendTicket> tickets;
  int refused_before = -1;
  Outbox::Dependencies dependencies{clock, [](const LogEvent&) {}, {}, vfs.name(), true};
  dependencies.on_broken = [&](const Failure&) {
    refused_before = 0;
    for (auto& ticket : tickets) {
      const auto answer = ticket.wait(0ms);
      if (!answer && answer.error().kind == FailureKind::broken) ++refused_before;
    }
  };
  auto opened = Outbox::open(config, dependencies);
  REQUIRE(opened);
  // More than one group, so that some are in the group, some behind it.
  for (int i = 0; i < 600; ++i) tickets.push_back((*opened)->submit(make_entry("x")));
  vfs.fail(Call::sync, Target::wal, SQLITE_IOERR_FSYNC);
  CHECK_FALSE((*opened)->run_once());
  CHECK(refused_before == 600);
}

TEST_CASE("outbox: a full disk refuses, and intake comes back by itself", "[outbox][fault]") {
  DiskVfs vfs;
  Box box;
  box.vfs = vfs.name();
  box.open();
  const auto kept = box.append_ok(make_entry("kept"));
  vfs.fail(Call::write, Target::wal, SQLITE_FULL);
  for (int i = 0; i < 3; ++i) {
    const auto refused = box.append(make_entry("refused"));
    REQUIRE(!refused);
    CHECK(refused.error().kind == FailureKind::overloaded);
  }
  CHECK_FALSE(box->stats().can_store);
  CHECK_THAT(box->stats().cannot_store_reason, ContainsSubstring("free disk space"));
  CHECK(box.claim().size() == 1);
  CHECK(box.broken.empty());

  // A try is a write, and finds the disk still full.
  box.clock.advance(2s);
  box.run_until_idle();
  CHECK_FALSE(box->stats().can_store);

  vfs.heal();
  // Readiness comes back without a request: the writer tries the disk once a second.
  box.clock.advance(2s);
  box.run_until_idle();
  CHECK(box->stats().can_store);
  CHECK(box.append(make_entry("taken")));
  box.reopen();
  const auto claimed = box.claim();
  REQUIRE(claimed.size() == 2);
  CHECK(claimed[0].id == kept);
  CHECK(claimed[1].body == "taken");
}

TEST_CASE("outbox: a source first seen in a refused group is stored with the next",
          "[outbox][fault]") {
  DiskVfs vfs;
  Box box;
  box.vfs = vfs.name();
  box.open();
  vfs.fail(Call::write, Target::wal, SQLITE_FULL);
  CHECK_FALSE(box.append(make_entry("x", "key", "fresh")));
  vfs.heal();
  CHECK_FALSE(box.append(make_entry("x", "key", "fresh"))->duplicate);
  CHECK(box.claim({"fresh"}).size() == 1);
}

TEST_CASE("outbox: a full disk at a checkpoint is no reason to stop", "[outbox][fault]") {
  DiskVfs vfs;
  Box box;
  box.vfs = vfs.name();
  box.open();
  box.append_ok(make_entry("x"));
  vfs.fail(Call::write, Target::database, SQLITE_FULL);
  box.clock.advance(10s);
  box.run_until_idle();
  CHECK(box.broken.empty());
  CHECK(box.logged("outbox_checkpoint_refused"));
  CHECK(box.append(make_entry("y")));
  vfs.heal();
  box.clock.advance(10s);
  box.run_until_idle();
  CHECK(box.wal_bytes() == 0);
}

TEST_CASE("outbox: a failed sync at a checkpoint breaks the outbox", "[outbox][fault]") {
  const support::LeaksAllowed leaks;
  DiskVfs vfs;
  Box box;
  box.vfs = vfs.name();
  box.open();
  const auto id = box.append_ok(make_entry("x"));
  vfs.fail(Call::sync, Target::database, SQLITE_IOERR_FSYNC);
  SECTION("of the idle writer") {
    box.clock.advance(10s);
    box.run_until_idle();
  }
  SECTION("at close") {
    box->close();
  }
  CHECK(box.broken.size() == 1);
  CHECK(box->append(make_entry("y"), 1s).error().kind == FailureKind::broken);
  box.outbox.reset();
  box.vfs.clear();
  box.open();
  CHECK(box.find(id).body == "x");
}

TEST_CASE("outbox: a failed sync of the checkpoint on open is broken", "[outbox][fault]") {
  DiskVfs vfs;
  Box box;
  box.open();
  box.append_ok(make_entry("x"));
  Box crashed;
  crashed.vfs = vfs.name();
  for (const char* suffix : {"", "-wal"})
    write_file(crashed.config.path + suffix, read_file(box.config.path + suffix));
  vfs.fail(Call::sync, Target::database, SQLITE_IOERR_FSYNC);
  const auto opened = crashed.try_open();
  REQUIRE(!opened);
  CHECK(opened.error().kind == FailureKind::broken);
}

TEST_CASE("outbox: every single failing write or sync leaves all acknowledged entries",
          "[outbox][fault][crash]") {
  const support::LeaksAllowed leaks;
  const auto call = GENERATE(Call::sync, Call::write);
  const auto target = GENERATE(Target::wal, Target::database);
  const int code = GENERATE(SQLITE_FULL, SQLITE_IOERR_WRITE);
  for (int passes = 0; passes < 12; ++passes) {
    DiskVfs vfs;
    Box box;
    box.vfs = vfs.name();
    box.open();
    vfs.fail(call, target, code, passes, false);
    std::vector<Uuid> acknowledged;
    for (int i = 0; i < 8; ++i) {
      if (const auto appended = box.append(make_entry(body_of(5000, i)))) {
        acknowledged.push_back(appended->id);
      }
      box.clock.advance(6s);
      box.run_until_idle();
    }
    box.outbox.reset();
    vfs.heal();
    box.vfs.clear();
    box.open();
    for (const auto& id : acknowledged) CHECK(box.find(id).state == EntryState::pending);
    CHECK(box.sql("PRAGMA integrity_check") == "ok\n");
  }
}
