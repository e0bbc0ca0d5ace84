#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>
#include <set>

#include "base/encoding.hpp"
#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

NewEntry entry_of(const std::string& source, std::optional<std::string> order_key) {
  auto entry = make_entry("{}", std::nullopt, source);
  entry.order_key = std::move(order_key);
  return entry;
}

std::vector<Entry> claim(Box& box, const ClaimRequest& request) {
  auto claimed = box->claim(request);
  REQUIRE(claimed);
  return *std::move(claimed);
}

std::vector<std::int64_t> seqs_of(const std::vector<Entry>& entries) {
  std::vector<std::int64_t> seqs;
  for (const auto& entry : entries) seqs.push_back(entry.seq);
  return seqs;
}

using Seqs = std::vector<std::int64_t>;
const std::vector<std::string> both{"a", "b"};

}  // namespace

TEST_CASE("outbox: one value of order_by in one source is one order group", "[outbox][order]") {
  Box box;
  box.open();
  box.append_ok(entry_of("a", "1"));
  box.append_ok(entry_of("a", "1"));
  box.append_ok(entry_of("a", "2"));
  box.append_ok(entry_of("b", "1"));
  box.append_ok(entry_of("a", std::nullopt));
  box.append_ok(entry_of("a", std::string(10'000, 'x')));
  box.reopen();
  const auto entries = claim(box, {.sources = both});
  REQUIRE(entries.size() == 6);
  CHECK(entries[0].order_hash.has_value());
  CHECK(entries[0].order_hash == entries[1].order_hash);
  CHECK(entries[0].order_hash != entries[2].order_hash);
  CHECK(entries[0].order_hash != entries[3].order_hash);
  CHECK_FALSE(entries[4].order_hash.has_value());
  CHECK(entries[5].order_hash.has_value());
  CHECK(box.find(entries[0].id).order_hash == entries[0].order_hash);
}

TEST_CASE("outbox: a claim leaves out the groups that it is told to", "[outbox][order][claim]") {
  Box box;
  box.open();
  for (const char* key : {"1", "2", "1", "3", "2"}) box.append_ok(entry_of("a", key));
  box.append_ok(entry_of("a", std::nullopt));
  const auto all = claim(box, {.sources = both});
  std::vector<OrderGroup> except{{"a", all[0].order_hash}};
  CHECK(seqs_of(claim(box, {.sources = both, .except = except})) == Seqs{2, 4, 5, 6});
  except.push_back({"a", std::nullopt});
  std::ranges::sort(except);
  CHECK(seqs_of(claim(box, {.sources = both, .except = except})) == Seqs{2, 4, 5});
  CHECK(seqs_of(claim(box, {.sources = both, .except = except, .entries_max = 1})) == Seqs{2});
}

TEST_CASE("outbox: a claim of one group has that group alone, from its oldest",
          "[outbox][order][claim]") {
  Box box;
  box.open();
  for (int i = 0; i < 9; ++i) box.append_ok(entry_of("a", std::to_string(i % 3)));
  const auto second = claim(box, {.sources = both})[1];
  const OrderGroup group{second.source, second.order_hash};
  CHECK(seqs_of(claim(box, {.sources = both, .only = group})) == Seqs{2, 5, 8});
  CHECK(seqs_of(claim(box, {.sources = both, .only = group, .after_seq = 2})) == Seqs{5, 8});
  // It hides nothing from the others.
  CHECK(claim(box, {.sources = both}).size() == 9);
}

TEST_CASE("outbox: the shards share all groups out, each to one of them",
          "[outbox][order][claim]") {
  const auto shards = GENERATE(range(1U, 5U));
  Box box;
  box.open();
  for (int i = 0; i < 200; ++i)
    box.append_ok(entry_of(i % 3 == 0 ? "b" : "a",
                           i % 5 == 0 ? std::nullopt : std::optional(std::to_string(i % 37))));
  std::map<OrderGroup, std::uint32_t> owner;
  std::set<std::int64_t> seen;
  for (std::uint32_t index = 0; index < shards; ++index) {
    for (int repeat = 0; repeat < 2; ++repeat) {
      const auto share = claim(box, {.sources = both, .shard = {index, shards}});
      CHECK(std::ranges::is_sorted(share, {}, &Entry::seq));
      for (const auto& entry : share) {
        const OrderGroup group{entry.source, entry.order_hash};
        CHECK(shard_of(group, shards) == index);
        CHECK(owner.try_emplace(group, index).first->second == index);
        seen.insert(entry.seq);
      }
    }
  }
  CHECK(seen.size() == 200);
  // What is new is found behind everything that was passed over.
  box.append_ok(entry_of("a", "new"));
  std::size_t found = 0;
  for (std::uint32_t index = 0; index < shards; ++index)
    found += claim(box, {.sources = both, .shard = {index, shards}}).size();
  CHECK(found == 201);
}

TEST_CASE("outbox: a claim from the middle does not hide what lies before", "[outbox][claim]") {
  Box box;
  box.open();
  for (int i = 0; i < 40; ++i) box.append_ok(entry_of("a", std::to_string(i)));
  for (std::uint32_t index = 0; index < 2; ++index) {
    const ClaimRequest whole{.sources = both, .shard = {index, 2}};
    ClaimRequest middle = whole;
    middle.after_seq = 20;
    const auto later = claim(box, middle);
    const auto all = claim(box, whole);
    CHECK(all.size() > later.size());
    CHECK(all.front().seq <= 20);
  }
}

TEST_CASE("outbox: a repeat is compared by the digest that it brings", "[outbox][duplicates]") {
  Box box;
  box.open();
  const auto try_number = [](int number, const std::string& rest) {
    auto entry = make_entry(rest + std::to_string(number), "evt_1");
    entry.compare_sha256 = base::sha256(rest);
    return entry;
  };
  const auto id = box.append_ok(try_number(1, "event"));
  box.reopen();
  const auto again = box.append(try_number(2, "event"));
  CHECK(again->id == id);
  CHECK(again->duplicate);
  CHECK_FALSE(again->conflict);
  CHECK(box.append(try_number(1, "another"))->conflict);
  CHECK(box.append(try_number(2, "another"))->conflict);
  CHECK(box.list(Filter{.state = EntryState::discarded}).size() == 1);
  CHECK(box.find(id).body_sha256 == base::sha256("event1"));
  // Also when the first copy is a receipt only.
  box.settle_all(EntryState::delivered);
  box.clock.advance(box.config.keep_delivered - 1s);
  box.run_until_idle();
  CHECK_FALSE(box.append(try_number(3, "event"))->conflict);
}

TEST_CASE("outbox: the bytes of pending bodies are known at once", "[outbox][stats]") {
  Box box;
  box.open();
  CHECK(box->stats().pending_body_bytes == 0);
  box.append_ok(make_entry(std::string(1000, 'x')));
  box.append_ok(make_entry(std::string(10, 'x'), "key"));
  CHECK(box.append(make_entry("other", "key"))->conflict);
  CHECK(box->stats().pending_body_bytes == 1010);
  REQUIRE(box.settle({delivered(1)}));
  CHECK(box->stats().pending_body_bytes == 10);
  REQUIRE(box.settle({delivered(1)}));
  CHECK(box->stats().pending_body_bytes == 10);
  box.reopen();
  CHECK(box->stats().pending_body_bytes == 10);
  REQUIRE(box.settle({settlement(2, EntryState::dead)}));
  CHECK(box->stats().pending_body_bytes == 0);
}
