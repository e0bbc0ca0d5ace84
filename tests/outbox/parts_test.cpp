#include <sqlite3.h>

#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"
#include "outbox/filesystem_check.hpp"
#include "outbox/group.hpp"
#include "outbox/header_codec.hpp"
#include "outbox/space.hpp"
#include "outbox/sqlite.hpp"
#include "outbox/submit_queue.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using namespace holdfast::outbox;

namespace {

std::shared_ptr<AppendTicket::Shared> append_work(std::size_t bytes) {
  return std::make_shared<AppendTicket::Shared>(make_entry(body_of(bytes)));
}

std::deque<Work> works(std::size_t count, std::size_t bytes) {
  std::deque<Work> waiting;
  for (std::size_t i = 0; i < count; ++i) waiting.emplace_back(append_work(bytes));
  return waiting;
}

}  // namespace

TEST_CASE("outbox group: takes in order up to its caps, and at least one", "[outbox][group]") {
  auto waiting = works(5, 1000);
  const auto each = bytes_of(waiting.front());
  CHECK(take_group(waiting, {3, gib}).size() == 3);
  CHECK(waiting.size() == 2);
  CHECK(take_group(waiting, {3, 2 * each}).size() == 2);
  CHECK(take_group(waiting, {}).empty());
  waiting = works(3, 1000);
  CHECK(take_group(waiting, {10, 2 * each - 1}).size() == 1);
  CHECK(take_group(waiting, {10, 1}).size() == 1);
  CHECK(waiting.size() == 1);
}

TEST_CASE("outbox queue: bounded by bytes, but outcomes always get in", "[outbox][group]") {
  const auto each = bytes_of(Work(append_work(1000)));
  SubmitQueue queue(2 * each);
  auto first = append_work(1000);
  auto second = append_work(1000);
  auto third = append_work(1000);
  for (const auto& work : {first, second, third}) queue.push(work);
  CHECK_FALSE(first->answer.wait_for(0ms));
  const auto refused = third->answer.wait_for(0ms);
  REQUIRE(refused);
  CHECK(refused->error().kind == FailureKind::overloaded);
  queue.push(std::make_shared<SettleWork>());
  std::deque<Work> taken;
  queue.take(taken);
  CHECK(taken.size() == 3);
  // Taken is not done: the memory is still held.
  auto fourth = append_work(1000);
  queue.push(fourth);
  CHECK(fourth->answer.wait_for(0ms));
  std::uint64_t bytes = 0;
  for (const auto& work : taken) bytes += bytes_of(work);
  queue.release(bytes);
  auto fifth = append_work(100'000);
  queue.push(fifth);
  CHECK_FALSE(fifth->answer.wait_for(0ms));
}

TEST_CASE("outbox queue: a refusal fails what waits; broken stays, others give way",
          "[outbox][group]") {
  SubmitQueue queue;
  auto waiting = append_work(10);
  queue.push(waiting);
  queue.refuse({FailureKind::unavailable, "stopping"});
  CHECK(waiting->answer.wait_for(0ms)->error().kind == FailureKind::unavailable);
  queue.accept();
  CHECK(queue.refusal() == std::nullopt);
  queue.refuse({FailureKind::broken, "disk"});
  queue.refuse({FailureKind::unavailable, "closed"});
  queue.accept();
  REQUIRE(queue.refusal());
  CHECK(queue.refusal()->kind == FailureKind::broken);
}

TEST_CASE("outbox headers: any bytes come out as they went in", "[outbox][headers]") {
  const std::vector<Header> headers{
      {"A", "1"}, {"", ""}, {"5:x,", std::string("\0\xff,", 3)}, {"A", ""}};
  CHECK(decode_headers(encode_headers(headers)) == headers);
  CHECK(encode_headers({{"Host", "localhost"}}) == "4:Host,9:localhost,");
  CHECK(decode_headers("")->empty());
  for (const char* damaged :
       {"4:Host,", "4:Host", ":", "5:Host,1:x,", "4:Host,x", "99999999999:a,1:b,",
        "18446744073709551615:a,1:b,", "-1:a,1:b,", "1:ab1:c,"})
    CHECK(decode_headers(damaged) == std::nullopt);
}

TEST_CASE("outbox file system: networks are refused unless allowed, memory gets a warning",
          "[outbox][open]") {
  using enum FilesystemVerdict;
  for (const std::uint64_t type :
       {0x6969U, 0x517BU, 0xFF534D42U, 0xFE534D42U, 0x65735546U, 0x01021997U})
    CHECK(classify_filesystem(type).verdict == unsafe);
  for (const std::uint64_t type : {0x01021994U, 0x794C7630U})
    CHECK(classify_filesystem(type).verdict == warn);
  // ext4, xfs, btrfs, zfs, and one that nobody knows.
  for (const std::uint64_t type : {0xEF53U, 0x58465342U, 0x9123683EU, 0x2FC12FC1U, 0x12345U})
    CHECK(classify_filesystem(type).verdict == fine);

  std::vector<std::string> events;
  const LogSink log = [&](const LogEvent& event) { events.emplace_back(event.name); };
  apply_filesystem(classify_filesystem(0xEF53), "/data", false, log);
  CHECK(events.empty());
  try {
    apply_filesystem(classify_filesystem(0x6969), "/data", false, log);
    FAIL("NFS was taken");
  } catch (const Error& error) {
    CHECK(error.failure().kind == FailureKind::refused);
    CHECK(error.failure().message.find("allow_unsafe_filesystem") != std::string::npos);
  }
  apply_filesystem(classify_filesystem(0x6969), "/data", true, log);
  apply_filesystem(classify_filesystem(0x01021994), "/data", false, log);
  CHECK(events == std::vector<std::string>{"outbox_filesystem", "outbox_filesystem"});
}

TEST_CASE("outbox space: each limit is kept at its edge", "[outbox][limits]") {
  OutboxConfig limits;
  limits.max_size_bytes = 10 * mib;
  limits.disk_reserve_bytes = mib;
  const std::uint64_t need = 2 * 1000 + commit_overhead_bytes;
  SpaceUse use{mib, mib, gib};
  use.used_bytes = 9 * mib - need;
  CHECK(find_shortage(use, limits, 1000) == Shortage::none);
  CHECK(find_shortage(use, limits, 1001) == Shortage::outbox_full);
  use.used_bytes = 0;
  use.disk_free_bytes = mib + need;
  CHECK(find_shortage(use, limits, 1000) == Shortage::none);
  CHECK(find_shortage(use, limits, 1001) == Shortage::disk_reserve);
}

TEST_CASE("outbox space: readiness follows what an append would meet", "[outbox][limits]") {
  OutboxConfig limits;
  limits.max_size_bytes = 10 * mib;
  limits.disk_reserve_bytes = mib;
  StoreOutlook outlook{{mib, mib, gib}, false, false, 0, {}};
  CHECK(reason_not_to_store(outlook, limits).empty());
  outlook.use.wal_bytes = 10 * mib;
  CHECK(reason_not_to_store(outlook, limits).empty());
  outlook.wal_is_held = true;
  CHECK_FALSE(reason_not_to_store(outlook, limits).empty());
  outlook = {{10 * mib, 0, gib}, false, false, 0, {}};
  CHECK_FALSE(reason_not_to_store(outlook, limits).empty());
  outlook.removable = true;
  CHECK(reason_not_to_store(outlook, limits).empty());
  outlook.use.disk_free_bytes = 1;
  outlook.use.used_bytes = 0;
  CHECK_FALSE(reason_not_to_store(outlook, limits).empty());
  outlook = {{0, 0, gib}, false, false, 0, "no space left"};
  CHECK(reason_not_to_store(outlook, limits) == "no space left");
}

TEST_CASE("outbox sqlite: result codes are sorted by what they ask of us", "[outbox][fault]") {
  CHECK(reaction_to(SQLITE_BUSY) == Reaction::busy);
  CHECK(reaction_to(SQLITE_BUSY_SNAPSHOT) == Reaction::busy);
  CHECK(reaction_to(SQLITE_FULL) == Reaction::no_room);
  CHECK(reaction_to(SQLITE_NOMEM) == Reaction::no_memory);
  for (const int code : {SQLITE_IOERR, SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE, SQLITE_CORRUPT,
                         SQLITE_NOTADB, SQLITE_READONLY, SQLITE_CONSTRAINT, SQLITE_CANTOPEN})
    CHECK(reaction_to(code) == Reaction::stop);
}

TEST_CASE("outbox sqlite: a path becomes a URI that names just that file", "[outbox][open]") {
  CHECK(read_only_uri("/var/lib/holdfast.db") == "file:/var/lib/holdfast.db?mode=ro");
  CHECK(read_only_uri("/a b?c#d%e\xff") == "file:/a%20b%3Fc%23d%25e%FF?mode=ro");
  CHECK(read_only_uri("/x", Immutable::yes) == "file:/x?mode=ro&immutable=1");
}
