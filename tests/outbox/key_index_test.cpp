#include "outbox/key_index.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <limits>
#include <map>
#include <memory>
#include <random>

#include "fixture.hpp"
#include "indexed.hpp"

using namespace holdfast;
using namespace holdfast::outbox;
using namespace holdfast::outbox_tests;

namespace {

/// Five more keys in one commit.
void add_five(Indexed& file, std::int64_t commit, std::map<std::int64_t, Seqs>& expected) {
  file.begin();
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto hash = hash_of(commit * 5 + i);
    expected[hash] = {file.add(hash)};
  }
  file.commit();
}

}  // namespace

TEST_CASE("key index: a hash is found wherever its row is by now", "[outbox][keys]") {
  Indexed file;
  std::mt19937_64 random(7);
  std::map<std::int64_t, Seqs> expected;
  std::size_t in_memory_max = 0;
  for (int commit = 0; commit < 120; ++commit) {
    file.begin();
    for (int i = 0; i < 5; ++i) {
      // Few enough for repeats, and of both signs.
      const auto hash = static_cast<std::int64_t>(random() % 400) * (std::int64_t{1} << 54) -
                        std::int64_t{3} * (std::int64_t{1} << 60);
      expected[hash].push_back(file.add(hash));
    }
    for (const auto& [hash, seqs] : expected) REQUIRE(file.find(hash) == seqs);
    file.commit();
    in_memory_max = std::max(in_memory_max, file.index().in_memory());
    if (commit % 17 == 0) file.restart();
    // Now and then a part, so that restarts meet it empty, half full and full.
    for (int step = 0; step < 200 * (commit % 3); ++step) file.index().fill_filter();
    for (const auto& [hash, seqs] : expected) REQUIRE(file.find(hash) == seqs);
    CHECK(file.find(-1).empty());
  }
  CHECK(in_memory_max <= 3 * Indexed::small_batch);
  CHECK(file.indexed() >= 400);
  CHECK(file.number("SELECT indexed_seq FROM key_progress") > 0);
  CHECK(file.whole());
}

TEST_CASE("key index: what is rolled back is not there, and what was removed is again",
          "[outbox][keys]") {
  Indexed file;
  std::map<std::int64_t, Seqs> expected;
  const auto check = [&] {
    for (const auto& [hash, seqs] : expected) REQUIRE(file.find(hash) == seqs);
  };
  for (std::int64_t commit = 0; commit < 60; ++commit) {
    add_five(file, commit, expected);
    const auto last = file.last_seq();
    file.begin();
    file.add(42);
    for (const auto& [hash, seqs] : expected)
      if (seqs[0] % 7 == 0) file.remove(hash, seqs[0]);
    file.index().merge();
    file.roll_back(last);
    CHECK(file.find(42).empty());
    check();
  }
  file.begin();
  for (auto& [hash, seqs] : expected) {
    if (seqs[0] % 2 != 0) continue;
    file.remove(hash, seqs[0]);
    seqs.clear();
  }
  check();
  file.commit();
  check();
  file.restart();
  check();
}

TEST_CASE("key index: a file without one, or with an old one, is indexed by the start",
          "[outbox][keys]") {
  Indexed file;
  file.begin();
  for (std::int64_t i = 0; i < 1000; ++i) file.insert(hash_of(i));
  file.commit();
  file.restart();
  CHECK(file.indexed() == 1000);
  CHECK(file.number("SELECT indexed_seq FROM key_progress") == 1000);
  CHECK(file.index().in_memory() == 0);
  CHECK(file.find(hash_of(77)) == Seqs{78});
}

TEST_CASE("key index: the filter is filled from the file and from memory", "[outbox][keys]") {
  Indexed file;
  CHECK_FALSE(file.index().filter_is_due());
  std::map<std::int64_t, Seqs> expected;
  for (std::int64_t commit = 0; commit < 60; ++commit) {
    add_five(file, commit, expected);
  }
  // Both ends of what a hash can be, in the file as soon as in memory.
  file.begin();
  for (const auto hash : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                          std::int64_t{0}, std::numeric_limits<std::int64_t>::max()})
    expected[hash].push_back(file.add(hash));
  file.commit();
  for (const bool in_file : {false, true}) {
    if (in_file) {
      for (int commit = 0; commit < 80; ++commit) {
        file.begin();
        const auto hash = hash_of(1000 + commit);
        expected[hash] = {file.add(hash)};
        file.commit();
      }
    }
    file.restart();
    REQUIRE(file.index().filter_is_due());
    std::size_t parts = 0;
    while (file.index().fill_filter()) ++parts;
    CHECK(parts == KeyFilter::parts);
    CHECK_FALSE(file.index().filter_is_due());
    for (const auto& [hash, seqs] : expected) REQUIRE(file.find(hash) == seqs);
    for (std::int64_t i = 2000; i < 3000; ++i) REQUIRE(file.find(hash_of(i)).empty());
  }
}

TEST_CASE("key index: the filter is filled anew once many keys are gone", "[outbox][keys]") {
  Indexed file;
  std::map<std::int64_t, Seqs> expected;
  for (std::int64_t commit = 0; commit < 60; ++commit) add_five(file, commit, expected);
  file.begin();
  for (auto& [hash, seqs] : expected) {
    CHECK_FALSE(file.index().filter_is_due());
    if (seqs[0] > static_cast<std::int64_t>(Indexed::gone_max)) continue;
    file.remove(hash, seqs[0]);
    seqs.clear();
  }
  const auto one_more = expected.find(hash_of(100));
  file.remove(one_more->first, one_more->second[0]);
  one_more->second.clear();
  file.commit();
  REQUIRE(file.index().filter_is_due());
  for (std::size_t part = 0; part < KeyFilter::parts; ++part) {
    REQUIRE(file.index().fill_filter());
    if (part % 100 != 0) continue;
    for (const auto& [hash, seqs] : expected) REQUIRE(file.find(hash) == seqs);
  }
  CHECK_FALSE(file.index().filter_is_due());
  for (const auto& [hash, seqs] : expected) REQUIRE(file.find(hash) == seqs);
}

TEST_CASE("key filter: none that was added is missed, and few that were not are found",
          "[outbox][keys]") {
  KeyFilter filter;
  std::mt19937_64 random(11);
  const auto next = [&] { return static_cast<std::int64_t>(random()); };
  std::vector<std::int64_t> added(1'000'000);
  for (auto& hash : added) filter.add(hash = next());
  CHECK(std::ranges::all_of(added, [&](auto hash) { return filter.may_hold(hash); }));
  int found = 0;
  for (int i = 0; i < 100'000; ++i) found += filter.may_hold(next()) ? 1 : 0;
  CHECK(found < 200);
  const auto part_of = [](std::int64_t hash) { return key_prefix(hash, KeyFilter::part_bits); };
  filter.clear_part(KeyFilter::parts - 1);
  for (const auto hash : added)
    if (part_of(hash) != KeyFilter::parts - 1 && !filter.may_hold(hash))
      FAIL("another part was cleared");
  CHECK(std::ranges::none_of(added, [&](auto hash) {
    return part_of(hash) == KeyFilter::parts - 1 && filter.may_hold(hash);
  }));
}

TEST_CASE("outbox: a repeat is known while its key is in memory, on the way, and in the index",
          "[outbox][keys][duplicates]") {
  Box box;
  box.open();
  constexpr std::size_t group = 512;
  const auto entries = static_cast<std::int64_t>(2 * KeyIndex::batch_entries + 20 * group);
  const auto key_of = [](std::int64_t number) { return std::to_string(number * 7919); };
  std::vector<AppendTicket> tickets;
  for (std::int64_t i = 0; i < entries; ++i) {
    tickets.push_back(box->submit(make_entry("b", key_of(i))));
    if (tickets.size() < group && i + 1 < entries) continue;
    REQUIRE(box->run_once());
    for (auto& ticket : tickets) REQUIRE_FALSE(ticket.wait(0ms).value().duplicate);
    tickets.clear();
  }
  const auto all_known = [&] {
    for (std::int64_t i = 0; i < entries; i += 1009) {
      const auto again = box.append(make_entry("b", key_of(i)));
      if (!again || !again->duplicate) return false;
    }
    return true;
  };
  const char* indexed = "SELECT indexed_seq FROM key_progress";
  CHECK(box.sql(indexed) == std::format("{}\n", KeyIndex::batch_entries));
  CHECK(all_known());
  // A pause is time for the rest.
  box.clock.advance(999ms);
  CHECK_FALSE(box->run_once());
  box.clock.advance(1ms);
  while (box->run_once()) {
  }
  CHECK(box.sql(indexed) == std::format("{}\n", 2 * KeyIndex::batch_entries));
  CHECK(all_known());
  for (const auto number : {std::int64_t{3}, entries - 3}) {
    const auto listed = box.list(Filter{.dedupe_key = key_of(number)});
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].dedupe_key == key_of(number));
  }
  box.reopen();
  CHECK(all_known());
  // Time for the filter.
  while (box->run_once()) {
  }
  CHECK(all_known());
  CHECK(box.count(EntryState::pending) == static_cast<std::uint64_t>(entries));
}
