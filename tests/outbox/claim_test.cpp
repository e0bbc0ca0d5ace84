#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

std::vector<std::int64_t> seqs_of(Box& box, std::vector<std::string> sources,
                                  std::int64_t after = 0, std::uint32_t entries_max = 1000,
                                  std::uint64_t bytes_max = mib) {
  const auto claimed = box->claim(
      {.sources = sources, .after_seq = after, .entries_max = entries_max, .bytes_max = bytes_max});
  REQUIRE(claimed);
  std::vector<std::int64_t> seqs;
  for (const auto& entry : *claimed) seqs.push_back(entry.seq);
  return seqs;
}

using Seqs = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("outbox: claim merges the sources in commit order", "[outbox][claim]") {
  Box box;
  box.open();
  for (const char* source : {"a", "b", "c", "b", "a", "c", "a"})
    box.append_ok(make_entry("x", std::nullopt, source));
  CHECK(seqs_of(box, {"a", "b", "c"}) == Seqs{1, 2, 3, 4, 5, 6, 7});
  CHECK(seqs_of(box, {"c", "a"}) == Seqs{1, 3, 5, 6, 7});
  CHECK(seqs_of(box, {"b"}) == Seqs{2, 4});
  CHECK(seqs_of(box, {"b", "b"}) == Seqs{2, 4});
  CHECK(seqs_of(box, {"unknown"}).empty());
  CHECK(seqs_of(box, {"unknown", "b"}) == Seqs{2, 4});
  CHECK(seqs_of(box, {}).empty());
  CHECK(seqs_of(box, {"a", "b", "c"}, 4) == Seqs{5, 6, 7});
  CHECK(seqs_of(box, {"a", "b", "c"}, 7).empty());
}

TEST_CASE("outbox: claim marks nothing and leaves out what is settled", "[outbox][claim]") {
  Box box;
  box.open();
  for (int i = 0; i < 4; ++i) box.append_ok(make_entry(body_of(10, i)));
  CHECK(seqs_of(box, {"orders"}) == seqs_of(box, {"orders"}));
  REQUIRE(box.settle(
      {delivered(1), settlement(2, EntryState::dead), settlement(4, EntryState::discarded)}));
  CHECK(seqs_of(box, {"orders"}) == Seqs{3});
}

TEST_CASE("outbox: claim leaves out the entries that it is told to", "[outbox][claim]") {
  Box box;
  box.open();
  for (int i = 0; i < 10; ++i) box.append_ok(make_entry(body_of(10, i)));
  const std::vector<std::string> sources{"orders"};
  const std::vector<std::int64_t> except{1, 2, 5, 10, 11};
  const auto claimed =
      box->claim({.sources = sources, .except_seqs = except, .entries_max = 4}).value();
  std::vector<std::int64_t> seqs;
  for (const auto& entry : claimed) seqs.push_back(entry.seq);
  CHECK(seqs == std::vector<std::int64_t>{3, 4, 6, 7});
}

TEST_CASE("outbox: claim stops at its caps, at the limit and one past", "[outbox][claim]") {
  Box box;
  box.open();
  for (int i = 0; i < 5; ++i) box.append_ok(make_entry(std::string(100, 'x')));
  CHECK(seqs_of(box, {"orders"}, 0, 5).size() == 5);
  CHECK(seqs_of(box, {"orders"}, 0, 4).size() == 4);
  CHECK(seqs_of(box, {"orders"}, 0, 1).size() == 1);
  CHECK(seqs_of(box, {"orders"}, 0, 1000, 300).size() == 3);
  CHECK(seqs_of(box, {"orders"}, 0, 1000, 299).size() == 2);
  CHECK(seqs_of(box, {"orders"}, 0, 1000, 301).size() == 3);
  // At least one, whatever its bytes.
  CHECK(seqs_of(box, {"orders"}, 0, 1000, 99) == Seqs{1});
  CHECK(seqs_of(box, {"orders"}, 0, 1000, 0) == Seqs{1});
  CHECK(seqs_of(box, {"orders"}, 0, 0, 0) == Seqs{1});
}

TEST_CASE("outbox: claim reads no rows of sources that it was not asked for", "[outbox][claim]") {
  Box box;
  box.open();
  box.append_ok(make_entry("x", std::nullopt, "held"));
  const auto plan = box.sql(
      "EXPLAIN QUERY PLAN SELECT seq FROM entry INDEXED BY entry_pending "
      "WHERE state = 0 AND source_id = 1 AND seq > 0 ORDER BY seq");
  INFO(plan);
  CHECK(plan.find("SEARCH entry USING COVERING INDEX entry_pending (source_id=? AND seq>?)") !=
        std::string::npos);
  CHECK(plan.find("TEMP B-TREE") == std::string::npos);
}
