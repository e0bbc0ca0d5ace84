#include "cli/reconciliation.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "cli/reconcile_text.hpp"
#include "entry_fixture.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::cli::test;

namespace {

Uuid id_of(int number) {
  return *Uuid::parse(std::format("0190a0b0-0000-7000-8000-{:012}", number));
}

EntrySummary entry(int number, EntryState state) {
  EntrySummary entry;
  entry.seq = number;
  entry.id = id_of(number);
  entry.source = "plain";
  entry.state = state;
  entry.received_at = time_at("2026-11-23T22:00:00Z");
  return entry;
}

EntrySummary copy(int number, int original, EntryState state) {
  auto copied = entry(number, state);
  copied.replay_of = id_of(original);
  return copied;
}

constexpr auto delivered = EntryState::delivered;

}  // namespace

TEST_CASE("cli: each accepted entry is counted once", "[cli][reconcile]") {
  Reconciler reconciler;
  reconciler.add(entry(1, delivered), true, true);
  reconciler.add(entry(2, EntryState::pending), {}, true);
  reconciler.add(entry(3, EntryState::dead), {}, true);
  reconciler.add(entry(4, EntryState::discarded), {}, true);
  auto erased = entry(5, EntryState::discarded);
  erased.reason = "erased";
  reconciler.add(erased, {}, true);
  reconciler.add(entry(6, delivered), false, true);
  const auto result = reconciler.finish();
  CHECK(result.accepted == 6);
  CHECK(result.held == 1);
  CHECK(result.pending == 1);
  CHECK(result.dead == 1);
  CHECK(result.discarded == 1);
  CHECK(result.erased == 1);
  REQUIRE(result.missing.size() == 1);
  CHECK(result.missing[0].entry.id == id_of(6));
  CHECK(result.missing[0].can_be_sent_again());
  CHECK(result.receipts_gone == 0);
}

TEST_CASE("cli: only delivered entries are asked about", "[cli][reconcile]") {
  for (const auto state : all_entry_states)
    CHECK(Reconciler::wants_answer(entry(1, state)) == (state == delivered));
}

TEST_CASE("cli: an entry is held if a copy of it is, or a copy of the copy", "[cli][reconcile]") {
  Reconciler reconciler;
  reconciler.add(entry(1, delivered), false, true);
  reconciler.add(copy(2, 1, delivered), false, true);
  // Behind the range: it is no accepted entry of it, and still the copy that counts.
  reconciler.add(copy(3, 2, delivered), true, false);
  const auto result = reconciler.finish();
  CHECK(result.accepted == 2);
  CHECK(result.replays == 1);
  CHECK(result.held == 2);
  CHECK(result.missing.empty());
}

TEST_CASE("cli: what is on its way again is not missing, so that it is not sent twice",
          "[cli][reconcile]") {
  Reconciler reconciler;
  reconciler.add(entry(1, delivered), false, true);
  reconciler.add(copy(2, 1, EntryState::dead), {}, true);
  reconciler.add(copy(3, 1, EntryState::pending), {}, true);
  const auto result = reconciler.finish();
  CHECK(result.resent == 1);
  CHECK(result.dead == 1);
  CHECK(result.pending == 1);
  CHECK(result.missing.empty());
}

TEST_CASE("cli: of an original and its copy only the last is sent again", "[cli][reconcile]") {
  Reconciler reconciler;
  reconciler.add(entry(1, delivered), false, true);
  reconciler.add(copy(2, 1, delivered), false, true);
  reconciler.add(entry(3, delivered), false, true);
  reconciler.add(copy(4, 3, EntryState::dead), {}, true);
  const auto result = reconciler.finish();
  REQUIRE(result.missing.size() == 3);
  CHECK_FALSE(result.missing[0].can_be_sent_again());
  CHECK(result.missing[0].copy == id_of(2));
  CHECK(result.missing[1].entry.id == id_of(2));
  CHECK(result.missing[1].can_be_sent_again());
  // A dead copy is for the operator to retry.
  CHECK(result.missing[2].entry.id == id_of(3));
  CHECK(result.missing[2].copy == id_of(4));
}

TEST_CASE(
    "cli: without its payload a missing entry cannot be sent again, and an erased one is not "
    "missed",
    "[cli][reconcile]") {
  Reconciler reconciler;
  auto stripped = entry(1, delivered);
  stripped.payload_kept = false;
  reconciler.add(stripped, false, true);
  auto erased = stripped;
  erased.id = id_of(2);
  erased.seq = 2;
  erased.reason = "erased";
  reconciler.add(erased, false, true);
  const auto result = reconciler.finish();
  REQUIRE(result.missing.size() == 1);
  CHECK_FALSE(result.missing[0].can_be_sent_again());
  CHECK(result.erased == 1);
}

TEST_CASE("cli: receipts that are gone are counted by the gaps they leave", "[cli][reconcile]") {
  Reconciler reconciler;
  reconciler.add(entry(3, delivered), true, true);
  reconciler.add(entry(7, delivered), true, true);
  CHECK(reconciler.finish().receipts_gone == 3);
  CHECK(Reconciler().finish().receipts_gone == 0);
}

TEST_CASE("cli: the report of a reconciliation names what is missing and what to do",
          "[cli][reconcile]") {
  Reconciliation result;
  result.accepted = 5;
  result.replays = 1;
  result.held = 3;
  result.missing = {{entry(4, delivered), std::nullopt, std::nullopt},
                    {entry(5, delivered), id_of(9), std::nullopt}};
  result.receipts_gone = 1;
  const ReconcileRange range{time_at("2026-11-23T00:00:00Z"), time_at("2026-11-24T00:00:00Z"),
                             time_at("2026-11-23T12:00:00Z")};
  CHECK(reconcile_text(result, range) ==
        "range      2026-11-23T00:00:00.000Z to 2026-11-24T00:00:00.000Z\n"
        "accepted   5  (1 of them replays)\n"
        "held       3\n"
        "pending    0\n"
        "dead       0\n"
        "discarded  0\n"
        "missing    2\n"
        "  0190a0b0-0000-7000-8000-000000000004  source plain, received 2026-11-23T22:00:00.000Z, "
        "payload kept\n"
        "  0190a0b0-0000-7000-8000-000000000005  source plain, received 2026-11-23T22:00:00.000Z, "
        "see its copy 0190a0b0-0000-7000-8000-000000000009\n"
        "What was settled before 2026-11-23T12:00:00.000Z may have no receipt any more "
        "(outbox.dedupe_window): that part of the range cannot be judged.\n"
        "Of 1 further place in the order of acceptance nothing is kept any more: it cannot be "
        "judged.\n"
        "2 missing\n");
  result.missing[0].sent_again_as = id_of(10);
  const auto document = reconcile_json(result, range);
  CHECK(document["accepted"] == 5);
  CHECK(document["judged_since"] == "2026-11-23T12:00:00.000Z");
  CHECK(document["receipts_gone"] == 1);
  REQUIRE(document["missing"].size() == 2);
  CHECK(document["missing"][0]["id"] == id_of(4).to_string());
  CHECK(document["missing"][0]["payload_kept"] == true);
  CHECK(document["missing"][0]["sent_again_as"] == id_of(10).to_string());
  CHECK(document["missing"][1]["copy"] == id_of(9).to_string());
}
