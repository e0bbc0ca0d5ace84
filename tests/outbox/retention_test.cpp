#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

TEST_CASE("outbox: a delivered payload goes after keep_delivered, its receipt after dedupe_window",
          "[outbox][retention]") {
  Box box;
  box.config.keep_delivered = 1h;
  box.config.dedupe_window = 2h;
  box.open();
  const auto id = box.append_ok(make_entry("body", "key"));
  REQUIRE(box.settle({delivered(1)}, {{1, {WallTime(1ms), "40001", "contention", "e"}}}));

  box.clock.advance(1h - 1ms);
  box.run_until_idle();
  CHECK(box.find(id).payload_kept);
  box.clock.advance(1s);
  box.run_until_idle();
  const auto receipt = box.find(id);
  CHECK_FALSE(receipt.payload_kept);
  CHECK(receipt.body.empty());
  CHECK(receipt.headers.empty());
  CHECK(receipt.dedupe_key == "key");
  CHECK(receipt.body_bytes == 4);
  CHECK(receipt.state == EntryState::delivered);
  CHECK(receipt.attempts.size() == 1);

  box.clock.advance(1h);
  box.run_until_idle();
  CHECK(*box->find(id) == std::nullopt);
  CHECK(box.count(EntryState::delivered) == 0);
  CHECK(box.sql("SELECT (SELECT count(*) FROM payload) + (SELECT count(*) FROM attempt)") == "0\n");
}

TEST_CASE("outbox: a receipt does not go before its payload", "[outbox][retention]") {
  Box box;
  box.config.keep_delivered = 48h;
  box.config.dedupe_window = 1h;
  box.open();
  const auto id = box.append_ok(make_entry("body", "key"));
  box.settle_all(EntryState::delivered);
  box.clock.advance(24h);
  box.run_until_idle();
  CHECK(box.find(id).payload_kept);
  CHECK(box.append(make_entry("body", "key"))->duplicate);
  box.clock.advance(25h);
  box.run_until_idle();
  CHECK(*box->find(id) == std::nullopt);
}

TEST_CASE("outbox: discarded entries go wholly after keep_discarded, pending and dead ones never",
          "[outbox][retention]") {
  Box box;
  box.config.keep_discarded = 1h;
  box.open();
  const auto pending = box.append_ok(make_entry("pending"));
  const auto dead = box.append_ok(make_entry("dead"));
  const auto discarded = box.append_ok(make_entry("discarded"));
  REQUIRE(box.settle({settlement(2, EntryState::dead), settlement(3, EntryState::discarded)}));
  box.clock.advance(1h - 1ms);
  box.run_until_idle();
  CHECK(*box->find(discarded));
  box.clock.advance(1s);
  box.run_until_idle();
  CHECK_FALSE(*box->find(discarded));
  box.clock.advance(24h * 365);
  box.run_until_idle();
  CHECK(box.find(pending).body == "pending");
  CHECK(box.find(dead).body == "dead");
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{1, 0, 1, 0});
}

TEST_CASE("outbox: retention goes in small steps and reuses what it frees", "[outbox][retention]") {
  Box box;
  box.config.keep_delivered = 1h;
  box.open();
  const auto fill = [&] {
    std::vector<AppendTicket> tickets;
    for (int i = 0; i < 500; ++i) tickets.push_back(box->submit(make_entry(body_of(1000, i))));
    box.run_until_idle();
    box.settle_all(EntryState::delivered);
  };
  fill();
  const auto bytes_full = box->stats().bytes;
  box.clock.advance(2h);
  const auto kept = [&] { return box.sql("SELECT count(*) FROM payload"); };
  CHECK(box->run_once());
  CHECK(kept() == "300\n");
  CHECK(box->run_once());
  CHECK(kept() == "100\n");
  box.run_until_idle();
  CHECK(kept() == "0\n");
  const auto pages = std::stoll(box.sql("PRAGMA page_count"));
  fill();
  // Receipts of the first round are still there, so the file grows by those only.
  CHECK(std::stoll(box.sql("PRAGMA page_count")) < pages + pages / 2);
  CHECK(bytes_full > 0);
}

TEST_CASE("outbox: a step of retention takes a single payload over its bytes",
          "[outbox][retention]") {
  Box box;
  box.config.keep_delivered = 1h;
  box.open();
  for (int i = 0; i < 3; ++i) box.append_ok(make_entry(body_of(9 * mib, i)));
  box.settle_all(EntryState::delivered);
  box.clock.advance(2h);
  CHECK(box->run_once());
  CHECK(box.sql("SELECT count(*) FROM payload") == "2\n");
  box.run_until_idle();
  CHECK(box.sql("SELECT count(*) FROM payload") == "0\n");
}

TEST_CASE("outbox: retention finds its rows by an index", "[outbox][retention]") {
  Box box;
  box.open();
  const auto plan = box.sql(
      "EXPLAIN QUERY PLAN SELECT seq, body_bytes FROM entry INDEXED BY entry_settled "
      "WHERE state = 1 AND payload_kept = 1 AND settled_at <= 5 ORDER BY settled_at LIMIT 200");
  INFO(plan);
  CHECK(plan.find("(state=? AND payload_kept=? AND settled_at<?)") != std::string::npos);
  CHECK(plan.find("TEMP B-TREE") == std::string::npos);
}
