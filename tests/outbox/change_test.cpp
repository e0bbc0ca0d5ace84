#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

Settlement dead(std::int64_t seq) {
  Settlement settlement = outbox_tests::settlement(seq, EntryState::dead);
  settlement.reason = "data";
  settlement.sqlstate = "22P02";
  settlement.error = "bad";
  return settlement;
}

}  // namespace

TEST_CASE("outbox: a dead entry that is retried is claimed again, in its old place",
          "[outbox][change]") {
  Box box;
  box.open();
  const Uuid first = box.append_ok(make_entry("first"));
  box.append_ok(make_entry("second"));
  REQUIRE(box.settle({dead(1), delivered(2)}));
  box.append_ok(make_entry("third"));
  // The reader has learnt that nothing before the third is pending.
  REQUIRE(box.claim().size() == 1);

  int announced = 0;
  box->on_appended([&] { ++announced; });
  {
    const RunningWriter writer(*box.outbox);
    const auto changed = box->retry(first);
    REQUIRE(changed);
    CHECK(changed->found == EntryState::dead);
    CHECK(changed->changed);
  }
  CHECK(announced == 1);
  const auto claimed = box.claim();
  REQUIRE(claimed.size() == 2);
  CHECK(claimed[0].id == first);
  CHECK(claimed[0].body == "first");
  CHECK_FALSE(claimed[0].sqlstate);
  CHECK_FALSE(claimed[0].settled_at);
  CHECK(box.count(EntryState::pending) == 2);
  CHECK(box.count(EntryState::dead) == 0);
  CHECK(box->stats().pending_body_bytes == 10);

  box.reopen();
  CHECK(box.claim().size() == 2);
  CHECK(box->stats().pending_body_bytes == 10);
}

TEST_CASE("outbox: only a dead entry is retried, only an unsettled or dead one is discarded",
          "[outbox][change]") {
  Box box;
  box.open();
  const Uuid pending = box.append_ok(make_entry("pending"));
  const Uuid gone = box.append_ok(make_entry("delivered"));
  const Uuid buried = box.append_ok(make_entry("dead"));
  REQUIRE(box.settle({delivered(2), dead(3)}));
  const RunningWriter writer(*box.outbox);
  const auto is = [](const std::expected<EntryChange, Failure>& change,
                     std::optional<EntryState> found, bool changed) {
    REQUIRE(change);
    CHECK(change->found == found);
    CHECK(change->changed == changed);
  };
  is(box->retry(pending), EntryState::pending, false);
  is(box->retry(gone), EntryState::delivered, false);
  is(box->retry(Uuid{}), std::nullopt, false);
  is(box->discard(gone), EntryState::delivered, false);
  is(box->discard(Uuid{}), std::nullopt, false);

  is(box->discard(pending), EntryState::pending, true);
  is(box->discard(buried), EntryState::dead, true);
  is(box->discard(buried), EntryState::discarded, false);
  is(box->retry(buried), EntryState::discarded, false);
  CHECK(box.claim().empty());
  CHECK(box.count(EntryState::discarded) == 2);
  CHECK(box->stats().pending_body_bytes == 0);
  const Entry entry = box.find(buried);
  CHECK(entry.body == "dead");
  CHECK(entry.reason == "discarded");
  CHECK(entry.sqlstate == "22P02");
}

TEST_CASE("outbox: a change of an entry is refused once the outbox is closed", "[outbox][change]") {
  Box box;
  box.open();
  const Uuid id = box.append_ok(make_entry("one"));
  box->close();
  const auto changed = box->discard(id);
  REQUIRE_FALSE(changed);
  CHECK(changed.error().kind == FailureKind::unavailable);
}

TEST_CASE("outbox: with commit_in_caller one thread does everything", "[outbox][change]") {
  const support::ScratchFolder folder;
  const support::FakeClock clock;
  OutboxConfig config;
  config.path = folder.file("holdfast.db");
  Outbox::Dependencies dependencies{clock, {}, {}, {}};
  dependencies.commit_in_caller = true;
  auto opened = Outbox::open(config, std::move(dependencies));
  REQUIRE(opened);
  auto& outbox = **opened;
  const auto appended = outbox.append(make_entry("one"), 0ms);
  REQUIRE(appended);
  REQUIRE(outbox.settle({dead(1)}));
  REQUIRE(outbox.retry(appended->id));
  REQUIRE(outbox.settle({delivered(1)}));
  CHECK(outbox.stats().entries == std::array<std::uint64_t, 4>{0, 1, 0, 0});
}
