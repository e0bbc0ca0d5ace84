#include "relay/split_queue.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>

using holdfast::Entry;
using holdfast::relay::Batch;
using holdfast::relay::SplitQueue;

namespace {

Batch batch_of(std::int64_t count) {
  Batch batch;
  for (std::int64_t seq = 1; seq <= count; ++seq) {
    Entry& entry = batch.emplace_back();
    entry.seq = seq;
    entry.source = seq % 2 == 0 ? "even" : "odd";
  }
  return batch;
}

struct Search {
  std::vector<std::int64_t> delivered;
  std::vector<std::int64_t> bad;
  int transactions = 0;
};

/// What the relay does with data errors alone: split, until the bad ones are found.
Search search(std::int64_t count, const std::set<std::int64_t>& bad) {
  Search result;
  SplitQueue queue(batch_of(count));
  while (!queue.empty()) {
    Batch part = queue.take();
    ++result.transactions;
    bool refused = false;
    for (const Entry& entry : part) refused = refused || bad.contains(entry.seq);
    if (!refused) {
      for (const Entry& entry : part) result.delivered.push_back(entry.seq);
    } else if (part.size() == 1) {
      result.bad.push_back(part.front().seq);
    } else {
      queue.put_back_halves(std::move(part));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("split: exactly the bad entries are found and the others go in order", "[relay][split]") {
  for (const std::int64_t count : {1, 2, 3, 5, 8, 100, 1000}) {
    for (const std::set<std::int64_t>& wanted :
         {std::set<std::int64_t>{}, {1}, {count}, {1, count}, {count / 2 + 1}}) {
      const Search found = search(count, wanted);
      CHECK(std::set(found.bad.begin(), found.bad.end()) == wanted);
      CHECK(found.delivered.size() + wanted.size() == static_cast<std::size_t>(count));
      CHECK(std::ranges::is_sorted(found.delivered));
    }
  }
}

TEST_CASE("split: k bad of n cost at most 2k log2(n) + 2k + 1 transactions", "[relay][split]") {
  CHECK(search(1024, {}).transactions == 1);
  CHECK(search(1024, {700}).transactions <= 2 * 10 + 1);
  CHECK(search(1024, {1, 300, 700, 1024}).transactions <= 4 * (2 * 10 + 2) + 1);
  CHECK(search(1000, {500, 501}).transactions <= 2 * (2 * 10 + 2) + 1);
}

TEST_CASE("split: a group that has to wait is left out of every part", "[relay][split]") {
  SplitQueue queue(batch_of(8));
  queue.put_back_halves(queue.take());
  queue.put_back_halves(queue.take());
  queue.drop_group({"odd", std::nullopt});
  std::vector<std::int64_t> rest;
  while (!queue.empty())
    for (const Entry& entry : queue.take()) rest.push_back(entry.seq);
  CHECK(rest == std::vector<std::int64_t>{2, 4, 6, 8});
}

TEST_CASE("split: only that value of order_by is left out, and a source with all of its values",
          "[relay][split]") {
  Batch batch = batch_of(6);
  for (Entry& entry : batch)
    entry.order_hash = entry.seq <= 2 ? std::nullopt : std::optional(entry.seq / 5);
  SplitQueue queue(batch);
  queue.drop_group({"odd", 0});
  queue.put_back_halves(queue.take());
  CHECK(queue.take().size() == 2);
  queue.drop_source("even");
  const Batch rest = queue.take();
  REQUIRE(rest.size() == 1);
  CHECK(rest.front().seq == 5);
  CHECK(queue.empty());
}

TEST_CASE("split: dropping all leaves nothing, not an empty part", "[relay][split]") {
  SplitQueue queue(batch_of(2));
  queue.put_back_halves(queue.take());
  queue.drop_group({"odd", std::nullopt});
  queue.drop_source("even");
  CHECK(queue.empty());
  CHECK(SplitQueue({}).empty());
}

TEST_CASE("split: what is put back comes first", "[relay][split]") {
  SplitQueue queue(batch_of(4));
  queue.put_back_halves(queue.take());
  Batch first = queue.take();
  CHECK(first.front().seq == 1);
  queue.put_back(std::move(first));
  CHECK(queue.take().front().seq == 1);
  CHECK(queue.take().front().seq == 3);
}

TEST_CASE("split: a source that is set apart comes last, as one part, in its order",
          "[relay][split]") {
  SplitQueue queue(batch_of(9));
  queue.put_back_halves(queue.take());
  queue.set_apart("odd");
  std::vector<std::vector<std::int64_t>> parts;
  while (!queue.empty()) {
    auto& seqs = parts.emplace_back();
    for (const Entry& entry : queue.take()) seqs.push_back(entry.seq);
  }
  CHECK(parts == std::vector<std::vector<std::int64_t>>{{2, 4}, {6, 8}, {1, 3, 5, 7, 9}});
  queue.set_apart("odd");
  CHECK(queue.empty());
}
