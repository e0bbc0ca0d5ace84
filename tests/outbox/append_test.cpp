#include <catch2/catch_test_macros.hpp>
#include <numeric>

#include "base/encoding.hpp"
#include "base/uuid.hpp"
#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

TEST_CASE("outbox: an appended entry comes back byte for byte", "[outbox]") {
  Box box;
  box.open();
  NewEntry entry = make_entry(std::string("{\"a\":\0\xff\xfe\n}", 11), "key-1");
  entry.target = "/p\xc3?\xff=1";
  entry.traceparent = "00-abc-def-01";
  entry.replay_of = base::random_uuid();
  entry.headers = {
      {"X-Bytes", std::string("\x80\xff, :\"\\\0z", 9)}, {"x-bytes", ""}, {"", "5:a,"}};
  const NewEntry sent = entry;
  const auto id = box.append_ok(std::move(entry));

  box.reopen();
  const auto claimed = box.claim();
  REQUIRE(claimed.size() == 1);
  for (const auto& stored : {claimed[0], box.find(id)}) {
    CHECK(stored.id == id);
    CHECK(stored.seq == 1);
    CHECK(stored.source == sent.source);
    CHECK(stored.dedupe_key == sent.dedupe_key);
    CHECK(stored.state == EntryState::pending);
    CHECK(stored.received_at == sent.received_at);
    CHECK(stored.settled_at == std::nullopt);
    CHECK(stored.method == sent.method);
    CHECK(stored.target == sent.target);
    CHECK(stored.remote_address == sent.remote_address);
    CHECK(stored.content_type == sent.content_type);
    CHECK(stored.headers == sent.headers);
    CHECK(stored.body == sent.body);
    CHECK(stored.body_bytes == 11);
    CHECK(stored.body_sha256 == base::sha256(sent.body));
    CHECK(stored.traceparent == sent.traceparent);
    CHECK(stored.replay_of == sent.replay_of);
    CHECK(stored.payload_kept);
  }
}

TEST_CASE("outbox: empty and large bodies are stored as they are", "[outbox]") {
  Box box;
  box.open();
  NewEntry bare = make_entry("");
  bare.headers.clear();
  bare.content_type.clear();
  bare.remote_address.clear();
  box.append_ok(std::move(bare));
  box.append_ok(make_entry(body_of(5 * mib, 7)));
  const auto claimed = box.claim();
  REQUIRE(claimed.size() == 2);
  CHECK(claimed[0].body.empty());
  CHECK(claimed[0].headers.empty());
  CHECK(claimed[1].body == body_of(5 * mib, 7));
}

TEST_CASE("outbox: nothing is answered before the commit of its group", "[outbox]") {
  Box box;
  box.open();
  std::vector<AppendTicket> tickets;
  for (int i = 0; i < 3; ++i) tickets.push_back(box->submit(make_entry(body_of(10, i))));
  for (auto& ticket : tickets) {
    const auto early = ticket.wait(0ms);
    REQUIRE(!early);
    CHECK(early.error().kind == FailureKind::overloaded);
  }
  CHECK(box.sql("SELECT count(*) FROM entry") == "0\n");

  CHECK(box->run_once());
  for (auto& ticket : tickets) CHECK(ticket.wait(0ms));
  CHECK(box.sql("SELECT count(*) FROM entry") == "3\n");
}

TEST_CASE("outbox: what waits together shares one commit", "[outbox]") {
  Box box;
  box.open();
  std::vector<AppendTicket> tickets;
  for (int i = 0; i < 100; ++i) tickets.push_back(box->submit(make_entry(body_of(10, i))));
  CHECK(box->run_once());
  for (auto& ticket : tickets) CHECK(ticket.wait(0ms));
  const auto stats = box->stats();
  CHECK(stats.group_entries.sum == 100);
  CHECK(std::accumulate(stats.group_entries.counts.begin(), stats.group_entries.counts.end(), 0U) ==
        1);
  CHECK(std::accumulate(stats.commit_seconds.counts.begin(), stats.commit_seconds.counts.end(),
                        0U) == 1);
}

TEST_CASE("outbox: a group has at most 512 entries, the rest follows in order", "[outbox]") {
  Box box;
  box.open();
  std::vector<AppendTicket> tickets;
  for (int i = 0; i < 513; ++i) tickets.push_back(box->submit(make_entry(body_of(10, i))));
  CHECK(box->run_once());
  CHECK(tickets[511].wait(0ms));
  CHECK(!tickets[512].wait(0ms));
  CHECK(box->run_once());
  CHECK(tickets[512].wait(0ms));
  const auto claimed = box.claim();
  REQUIRE(claimed.size() == 513);
  for (int i = 0; i < 513; ++i) CHECK(claimed[static_cast<std::size_t>(i)].body == body_of(10, i));
}

TEST_CASE("outbox: a dropped ticket does not undo the append", "[outbox]") {
  Box box;
  box.open();
  static_cast<void>(box->submit(make_entry("dropped")));
  CHECK(box->run_once());
  CHECK(box.claim().size() == 1);
}

TEST_CASE("outbox: the callback comes after each commit that added pending entries", "[outbox]") {
  Box box;
  box.open();
  int calls = 0;
  box->on_appended([&] { ++calls; });
  box.append_ok(make_entry("one", "key"));
  CHECK(calls == 1);
  CHECK(box.append(make_entry("one", "key"))->duplicate);
  CHECK(calls == 1);
  CHECK(box.append(make_entry("other", "key"))->conflict);
  CHECK(calls == 1);
  REQUIRE(box.settle({delivered(1)}));
  CHECK(calls == 1);
  box.append_ok(make_entry("two"));
  CHECK(calls == 2);
}

TEST_CASE("outbox: ids and seqs grow across clock jumps, restarts and an emptied table",
          "[outbox]") {
  Box box;
  box.config.keep_delivered = 0ms;
  box.config.dedupe_window = 0ms;
  box.open();
  const Uuid node = box->node();
  CHECK(node.bytes != Uuid{}.bytes);
  Uuid last;
  std::int64_t seq = 0;
  const auto append = [&] {
    const auto id = box.append_ok(make_entry("x"));
    CHECK(id > last);
    last = id;
    CHECK(box.find(id).seq == ++seq);
  };
  append();
  box.clock.advance(1000ms);
  append();
  box.clock.jump_wall(-1h);
  append();
  box.reopen();
  append();
  box.settle_all(EntryState::delivered);
  box.clock.advance(2h);
  box.run_until_idle();
  box.clock.advance(2h);
  box.run_until_idle();
  REQUIRE(box.sql("SELECT count(*) FROM entry") == "0\n");
  box.clock.jump_wall(-24h);
  box.reopen();
  append();
  CHECK(box->node() == node);
}

TEST_CASE("outbox: a body that SQLite cannot hold is refused as invalid", "[outbox][slow]") {
  Box box;
  box.open();
  const auto refused = box->submit(make_entry(std::string(512 * mib + 1, 'x'))).wait(0ms);
  REQUIRE(!refused);
  CHECK(refused.error().kind == FailureKind::invalid);
}

TEST_CASE("outbox: after close every call fails, and closing again does nothing", "[outbox]") {
  Box box;
  box.open();
  auto waiting = box->submit(make_entry("waits"));
  const auto id = Uuid{};
  box->close();
  box->close();
  CHECK(waiting.wait(0ms).error().kind == FailureKind::unavailable);
  CHECK(box->append(make_entry("late"), 1s).error().kind == FailureKind::unavailable);
  CHECK(box->settle({delivered(1)}).error().kind == FailureKind::unavailable);
  CHECK(box->claim({}).error().kind == FailureKind::unavailable);
  CHECK(box->find(id).error().kind == FailureKind::unavailable);
  CHECK(box->list({}).error().kind == FailureKind::unavailable);
  CHECK(!box->stats().can_store);
  CHECK(!box->run_once());
  // A clean close leaves no WAL behind.
  CHECK(box.wal_bytes() == 0);
}

TEST_CASE("outbox: stats are right from the first moment on, without a query", "[outbox]") {
  Box box;
  box.open();
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{0, 0, 0, 0});
  CHECK(box->stats().oldest_pending_received_at == std::nullopt);
  CHECK(box->stats().can_store);
  std::vector<WallTime> received;
  for (int i = 0; i < 4; ++i) {
    auto entry = make_entry(body_of(10, i), std::nullopt, i % 2 == 0 ? "orders" : "users");
    entry.received_at = WallTime(std::chrono::milliseconds(1000 + i));
    received.push_back(entry.received_at);
    box.append_ok(std::move(entry));
  }
  CHECK(box->stats().oldest_pending_received_at == received[0]);
  REQUIRE(box.settle({delivered(1), settlement(3, EntryState::dead)}));
  CHECK(box->stats().oldest_pending_received_at == received[1]);
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{2, 1, 1, 0});
  const auto before = box->stats();
  CHECK(before.bytes > 0);
  CHECK(before.disk_free_bytes > 0);
  CHECK(before.bytes_max == box.config.max_size_bytes);
  box.reopen();
  CHECK(box->stats().entries == before.entries);
  CHECK(box->stats().oldest_pending_received_at == before.oldest_pending_received_at);
  REQUIRE(box.settle({delivered(2), delivered(4)}));
  CHECK(box->stats().oldest_pending_received_at == std::nullopt);
}
