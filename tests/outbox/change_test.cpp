#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <thread>

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
    const auto changed = box->change(EntryAction::retry, first);
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
  is(box->change(EntryAction::retry, pending), EntryState::pending, false);
  is(box->change(EntryAction::retry, gone), EntryState::delivered, false);
  is(box->change(EntryAction::retry, Uuid{}), std::nullopt, false);
  is(box->change(EntryAction::discard, gone), EntryState::delivered, false);
  is(box->change(EntryAction::discard, Uuid{}), std::nullopt, false);

  is(box->change(EntryAction::discard, pending), EntryState::pending, true);
  is(box->change(EntryAction::discard, buried), EntryState::dead, true);
  is(box->change(EntryAction::discard, buried), EntryState::discarded, false);
  is(box->change(EntryAction::retry, buried), EntryState::discarded, false);
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
  const auto changed = box->change(EntryAction::discard, id);
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
  REQUIRE(outbox.change(EntryAction::retry, appended->id));
  REQUIRE(outbox.settle({delivered(1)}));
  CHECK(outbox.stats().entries == std::array<std::uint64_t, 4>{0, 1, 0, 0});
}

TEST_CASE("outbox: an erased entry leaves its receipt, and its bytes leave the file",
          "[outbox][change]") {
  static const std::string secret = "jane.doe@example.com lives at 5 Elm Street";
  const std::string body = secret + std::string(GENERATE(0U, 9000U), 'x') + secret;
  Box box;
  box.open();
  auto entry = make_entry(body);
  entry.headers = {{"X-Person", secret}};
  entry.target = "/hook?mail=" + secret;
  const Uuid id = box.append_ok(entry);
  const auto before = GENERATE(EntryState::pending, EntryState::delivered, EntryState::dead);
  AttemptRecord attempt{1, {.at = {}, .sqlstate = "22P02", .error_class = "data", .error = secret}};
  REQUIRE(box.settle({}, {attempt}));
  if (before == EntryState::delivered) REQUIRE(box.settle({delivered(1)}));
  if (before == EntryState::dead) {
    auto settlement = dead(1);
    settlement.error = secret;
    REQUIRE(box.settle({settlement}));
  }
  {
    const RunningWriter writer(*box.outbox);
    const auto changed = box->change(EntryAction::erase, id, {.name = "night shift"});
    REQUIRE(changed);
    CHECK(changed->found == before);
    CHECK(changed->changed);
    CHECK(box->change(EntryAction::erase, id)->changed == false);
    CHECK(box->change(EntryAction::retry, id)->changed == false);
  }
  const Entry receipt = box.find(id);
  CHECK(receipt.state ==
        (before == EntryState::delivered ? EntryState::delivered : EntryState::discarded));
  CHECK_FALSE(receipt.payload_kept);
  CHECK_FALSE(receipt.payload_damaged);
  CHECK(receipt.reason == "erased");
  CHECK(receipt.body_bytes == static_cast<std::int64_t>(body.size()));
  CHECK(receipt.headers.empty());
  CHECK(receipt.attempts.empty());
  CHECK_FALSE(receipt.error);
  CHECK(box.claim().empty());
  CHECK(box->stats().pending_body_bytes == 0);
  CHECK(box->audit(10)->front().who == "night shift");
  const auto path = box.config.path;
  box->close();
  box.outbox.reset();
  CHECK_FALSE(read_file(path).contains("Elm Street"));
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
}

TEST_CASE("outbox: an erased entry leaves the pages, too, that it once lay in",
          "[outbox][change]") {
  Box box;
  box.config.keep_delivered = 1h;
  box.open();
  // Retention of its neighbours joins pages, and leaves copies of the row in those that it frees.
  const std::string filling(GENERATE(200U, 900U, 1900U), 'x');
  constexpr std::int64_t entries = 200;
  constexpr std::int64_t person = entries / 2;
  Uuid id{};
  for (std::int64_t seq = 1; seq <= entries; ++seq) {
    const auto body = seq == person ? filling + "Elm Street" : filling;
    const auto appended = box.append_ok(make_entry(body));
    if (seq == person) id = appended;
  }
  for (std::int64_t seq = 1; seq <= entries * 3 / 4; ++seq)
    if (seq != person) REQUIRE(box.settle({delivered(seq)}));
  box.clock.advance(2h);
  box.run_until_idle();
  {
    const RunningWriter writer(*box.outbox);
    REQUIRE(box->change(EntryAction::erase, id)->changed);
  }
  const auto path = box.config.path;
  box->close();
  box.outbox.reset();
  CHECK_FALSE(read_file(path).contains("Elm Street"));
}

TEST_CASE("outbox: a replay is a new entry with its own key, in the order group of the old one",
          "[outbox][change]") {
  Box box;
  box.open();
  auto first = make_entry("first", "key-1");
  first.order_key = "group";
  const Uuid id = box.append_ok(first);
  REQUIRE(box.settle({delivered(1)}));
  const RunningWriter writer(*box.outbox);
  const auto again = box->replay(id, {.name = "ann"});
  const auto third = box->replay(id, {.name = "ann"});
  REQUIRE(again);
  REQUIRE(again->id);
  REQUIRE(third->id);
  CHECK(*again->id != id);
  CHECK(*third->id != *again->id);
  const Entry entry = box.find(*again->id);
  CHECK(entry.state == EntryState::pending);
  CHECK(entry.replay_of == id);
  CHECK(entry.dedupe_key == "replay:" + again->id->to_string());
  CHECK(entry.body == "first");
  CHECK(entry.order_hash == box.find(id).order_hash);
  CHECK(box.find(id).state == EntryState::delivered);
  const auto unknown = box->replay(Uuid{});
  REQUIRE(unknown);
  CHECK_FALSE(unknown->found);
  REQUIRE(box->change(EntryAction::erase, id)->changed);
  const auto gone = box->replay(id);
  REQUIRE(gone);
  CHECK(gone->found);
  CHECK_FALSE(gone->id);

  const auto events = box->audit(10);
  REQUIRE(events);
  REQUIRE(events->size() == 3);
  CHECK(events->at(0).action == "erase");
  CHECK(events->at(2).action == "replay");
  CHECK(events->at(2).who == "ann");
  CHECK(events->at(2).target == id.to_string());
  CHECK(events->at(2).detail == "as " + again->id->to_string());
}

TEST_CASE("outbox: many are changed in one commit, and the audit log has one line of it",
          "[outbox][change]") {
  Box box;
  box.open();
  std::vector<Uuid> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(box.append_ok(make_entry("body")));
  REQUIRE(box.settle({dead(1), dead(3), delivered(4)}));
  const RunningWriter writer(*box.outbox);
  ids.emplace_back();
  const auto changes = box->change(EntryAction::retry, ids, {"ann", "state=dead"});
  REQUIRE(changes);
  std::vector<bool> changed;
  for (const auto& change : *changes) changed.push_back(change.changed);
  CHECK(changed == std::vector{true, false, true, false, false, false});
  CHECK_FALSE(changes->back().found);
  const auto events = box->audit(10);
  REQUIRE(events->size() == 1);
  CHECK(events->front().target == "state=dead");
  CHECK(events->front().detail == "2 entries");
  // Nothing changed, nothing is written.
  REQUIRE(box->change(EntryAction::retry, ids, {"ann", "state=dead"}));
  CHECK(box->audit(10)->size() == 1);
}

TEST_CASE("outbox: an operator's pauses and the audit log are there after a restart",
          "[outbox][change]") {
  Box box;
  box.open();
  {
    const RunningWriter writer(*box.outbox);
    CHECK(box->keep_pause("shop", true, {.name = "ann"}) == true);
    CHECK(box->keep_pause("shop", true, {.name = "bob"}) == false);
    CHECK(box->keep_pause({}, true, {.name = "bob"}) == true);
    CHECK(box->keep_pause("other", true, {.name = "bob"}) == true);
    CHECK(box->keep_pause("other", false, {.name = "bob"}) == true);
    CHECK(box->keep_pause("other", false, {.name = "bob"}) == false);
    REQUIRE(box->note({0, {}, "ann", "import", "backup.jsonl", "3 entries"}));
  }
  box.reopen();
  const auto pauses = box->pauses();
  REQUIRE(pauses);
  REQUIRE(pauses->size() == 2);
  CHECK_FALSE(pauses->at(0).source);
  CHECK(pauses->at(0).who == "bob");
  CHECK(pauses->at(1).source == "shop");
  CHECK(pauses->at(1).who == "ann");
  const auto events = box->audit(10);
  REQUIRE(events);
  std::vector<std::string> actions;
  for (const auto& event : *events) actions.push_back(event.action);
  CHECK(actions == std::vector<std::string>{"import", "resume", "pause", "pause", "pause"});
  CHECK(box->audit(2)->size() == 2);
  const auto older = box->audit(10, events->at(2).number);
  REQUIRE(older->size() == 2);
  CHECK(older->front().target == "destination");
}

TEST_CASE("outbox: the audit log keeps its newest lines", "[outbox][change]") {
  Box box;
  box.open();
  {
    const RunningWriter writer(*box.outbox);
    REQUIRE(box->note({0, {}, "ann", "first", "", ""}));
  }
  box->close();
  box.outbox.reset();
  box.sql("UPDATE audit SET id = 1; INSERT INTO audit SELECT " + std::to_string(audit_events_max) +
              ", 0, 'ann', 'old', '', ''",
          true);
  box.open();
  const RunningWriter writer(*box.outbox);
  CHECK(box->audit(10)->size() == 2);
  REQUIRE(box->note({0, {}, "ann", "newest", "", ""}));
  const auto events = box->audit(10);
  REQUIRE(events->size() == 2);
  CHECK(events->at(0).action == "newest");
  CHECK(events->at(1).action == "old");
}

TEST_CASE("outbox: two operators who retry one dead entry at once change it once",
          "[outbox][change]") {
  Box box;
  box.open();
  const Uuid id = box.append_ok(make_entry("one"));
  REQUIRE(box.settle({dead(1)}));
  const RunningWriter writer(*box.outbox);
  std::atomic<int> changed = 0;
  {
    std::vector<std::jthread> operators;
    for (int i = 0; i < 8; ++i)
      operators.emplace_back([&] {
        const auto change = box->change(EntryAction::retry, id);
        if (change && change->changed) ++changed;
      });
  }
  CHECK(changed == 1);
  CHECK(box.count(EntryState::pending) == 1);
  CHECK(box->audit(10)->size() == 1);
}

TEST_CASE("outbox: an erasure empties the WAL, however busy the writer is", "[outbox][change]") {
  Box box;
  box.open();
  const std::string secret = "jane.doe@example.com lives at 5 Elm Street";
  const Uuid id = box.append_ok(make_entry(secret));
  REQUIRE(read_file(box.config.path + "-wal").contains(secret));
  std::jthread erasing([&] { CHECK(box->change(EntryAction::erase, id)->changed); });
  // Appends keep coming, so that the writer is never quiet.
  bool gone = false;
  for (int i = 0; i < 2000 && !gone; ++i) {
    auto one = box->submit(make_entry("more"));
    static_cast<void>(box->run_once());
    gone = box.count(EntryState::discarded) == 1 &&
           !read_file(box.config.path + "-wal").contains(secret);
  }
  erasing.join();
  CHECK(gone);
}
