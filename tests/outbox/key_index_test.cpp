#include "outbox/key_index.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <limits>
#include <map>
#include <memory>
#include <random>

#include "fixture.hpp"
#include "outbox/damage.hpp"
#include "outbox/files.hpp"
#include "outbox/key_run.hpp"
#include "outbox/schema.hpp"
#include "outbox/sqlite.hpp"

using namespace holdfast;
using namespace holdfast::outbox;
using namespace holdfast::outbox_tests;
using Seqs = std::vector<std::int64_t>;

namespace {

/// Spread over all of the index, as hashes of keys are.
std::int64_t hash_of(std::int64_t number) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15U);
}

/// A file with rows of `entry` that have a hash and nothing else of interest, and their index.
class Indexed {
 public:
  static constexpr std::size_t small_batch = 50;

  explicit Indexed(std::size_t batch = small_batch)
      : batch_(batch), connection_(made(folder_.file("outbox.db")), "") {
    migrate(connection_.database());
    restart();
  }
  void restart() {
    index_.reset();
    index_ = std::make_unique<KeyIndex>(connection_, batch_, gone_max);
  }
  KeyIndex& index() { return *index_; }
  void begin() { connection_.begin(); }
  std::int64_t add(std::int64_t hash) {
    insert(hash);
    index().add(hash, seq_);
    return seq_;
  }
  /// Only the row, as an older program left it.
  void insert(std::int64_t hash) {
    ++seq_;
    connection_.database().exec(std::format(
        "INSERT INTO entry (seq, id, source_id, state, received_at, body_bytes, payload_kept, "
        "key_hash, body_sha256) VALUES ({}, randomblob(16), 1, 0, 0, 0, 1, {}, zeroblob(32))",
        seq_, hash));
  }
  void remove(std::int64_t hash, std::int64_t seq) {
    connection_.database().exec(std::format("DELETE FROM entry WHERE seq = {}", seq));
    index().remove(hash, seq);
  }
  void commit() { commit_at(seq_ + 1); }
  void commit_at(std::int64_t next_seq) {
    index().merge();
    connection_.commit();
    index().committed(next_seq);
  }
  void roll_back(std::int64_t last_seq) {
    connection_.rollback();
    index().rolled_back();
    seq_ = last_seq;
  }
  std::int64_t number(const char* sql) { return query_number(connection_.database(), sql); }
  /// Keys in runs that count.
  std::int64_t indexed() {
    return number(
        "SELECT sum(length(key_block.keys)) / 16 FROM key_block JOIN key_run ON "
        "key_run.id = key_block.id >> 32");
  }
  std::int64_t waste() {
    return number("SELECT count(*) FROM key_block WHERE id >> 32 NOT IN (SELECT id FROM key_run)");
  }
  std::int64_t runs() { return number("SELECT count(*) FROM key_run"); }
  bool whole() { return all_keys_are_indexed(connection_.database()); }
  void run(const char* sql) { connection_.database().exec(sql); }
  [[nodiscard]] std::int64_t last_seq() const { return seq_; }
  /// What is found of a hash and still there.
  Seqs find(std::int64_t hash) {
    Seqs seqs;
    SQLite::Statement entry(connection_.database(), "SELECT 1 FROM entry WHERE seq = ?");
    for (const auto seq : index().find(hash))
      if (Use(entry, seq).step()) seqs.push_back(seq);
    return seqs;
  }
  static constexpr std::size_t gone_max = 20;

 private:
  static std::string made(std::string path) {
    make_private_file(path);
    return path;
  }
  const std::size_t batch_;
  support::ScratchFolder folder_;
  Connection connection_;
  std::unique_ptr<KeyIndex> index_;
  std::int64_t seq_ = 0;
};

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

TEST_CASE("key index: runs are merged, and few are left of many", "[outbox][keys]") {
  // Several blocks in each run.
  constexpr std::int64_t batch = 1000;
  constexpr std::int64_t group = 100;
  Indexed file(batch);
  std::int64_t runs_max = 0;
  for (std::int64_t commit = 0; commit < 40 * batch / group; ++commit) {
    file.begin();
    for (std::int64_t i = 0; i < group; ++i) file.add(hash_of(commit * group + i));
    file.commit();
    runs_max = std::max(runs_max, file.runs());
    // A stop leaves half of a run now and then.
    if (commit % 170 == 169) file.restart();
  }
  // Three of each level but the highest, and four whose merging takes a while.
  CHECK(runs_max <= 14);
  CHECK(file.number("SELECT max(level) FROM key_run") == 2);
  CHECK(file.number("SELECT max(last_seq) FROM key_run") ==
        file.number("SELECT indexed_seq FROM key_progress"));
  for (int commit = 0; commit < 50'000 && file.waste() > 0; ++commit) {
    file.begin();
    file.commit();
  }
  CHECK(file.runs() <= 9);
  CHECK(file.waste() == 0);
  CHECK(file.indexed() >= 36 * batch);
  CHECK(file.number("SELECT sum(keys) FROM key_run") == file.indexed());
  CHECK(file.number("SELECT max(length(keys)) < 4056 FROM key_block") == 1);
  CHECK(file.whole());
  for (std::int64_t i = 0; i < 40 * batch; i += 7) REQUIRE(file.find(hash_of(i)) == Seqs{i + 1});
}

TEST_CASE("key index: keys whose entry is gone leave it", "[outbox][keys]") {
  constexpr std::int64_t batch = 1000;
  constexpr std::int64_t group = 100;
  Indexed file(batch);
  std::map<std::int64_t, std::int64_t> there;
  std::int64_t removed = 0;
  std::int64_t indexed_max = 0;
  // What is older than two batches goes, but for one of fifty.
  for (std::int64_t commit = 0; commit < 40 * batch / group; ++commit) {
    file.begin();
    for (std::int64_t i = 0; i < group; ++i) {
      const auto hash = hash_of(commit * group + i);
      there[file.add(hash)] = hash;
    }
    for (; removed < file.last_seq() - 2 * batch; ++removed) {
      const auto seq = removed + 1;
      if (seq % 50 == 0) continue;
      file.remove(there[seq], seq);
      there.erase(seq);
    }
    file.commit();
    indexed_max = std::max(indexed_max, file.indexed());
    if (commit % 41 == 40) file.restart();
  }
  CHECK(indexed_max <= 12 * batch);
  CHECK(file.whole());
  CHECK(file.number("SELECT count(*) FROM key_run WHERE gone > keys OR gone < 0") == 0);
  for (const auto& [seq, hash] : there) REQUIRE(file.find(hash) == Seqs{seq});
  // The rest too: nothing is left of them in the end.
  file.begin();
  for (const auto& [seq, hash] : there) file.remove(hash, seq);
  file.commit();
  for (int commit = 0; commit < 20'000 && file.runs() > 0; ++commit) {
    file.begin();
    file.commit();
  }
  CHECK(file.indexed() == 0);
}

TEST_CASE("key index: entries without a key are no work for a start", "[outbox][keys]") {
  Indexed file;
  file.begin();
  const auto kept = file.add(hash_of(1));
  file.run(
      "INSERT INTO entry (seq, id, source_id, state, received_at, body_bytes, payload_kept, "
      "body_sha256) VALUES (500, randomblob(16), 1, 0, 0, 0, 1, zeroblob(32))");
  file.commit_at(501);
  file.begin();
  file.commit_at(501);
  CHECK(file.number("SELECT indexed_seq FROM key_progress") == 500);
  CHECK(file.find(hash_of(1)) == Seqs{kept});
}

TEST_CASE("key index: a run that is not whole is found to be damaged", "[outbox][keys]") {
  Indexed file(1000);
  for (std::int64_t commit = 0; commit < 40; ++commit) {
    file.begin();
    for (std::int64_t i = 0; i < 100; ++i) file.add(hash_of(commit * 100 + i));
    file.commit();
  }
  REQUIRE(file.whole());
  const auto find_all = [&] {
    for (std::int64_t i = 0; i < 4000; ++i) static_cast<void>(file.index().find(hash_of(i)));
  };
  const auto is_damaged = [&] {
    // Without the filter all are looked for.
    while (file.index().fill_filter()) {
    }
    try {
      find_all();
      return !file.whole();
    } catch (const SQLite::Exception& error) {
      return is_damage(error);
    }
  };
  REQUIRE_FALSE(is_damaged());
  const char* some = "(SELECT id FROM key_block WHERE length(keys) > 16 LIMIT 1)";
  for (const auto& harm : {
           std::format("DELETE FROM key_block WHERE id = {}", some),
           std::format("UPDATE key_block SET keys = substr(keys, 2) WHERE id = {}", some),
           std::format("UPDATE key_block SET keys = substr(keys, 17) WHERE id = {}", some),
           std::string("DELETE FROM key_run"),
       }) {
    file.run(("SAVEPOINT harm; " + harm).c_str());
    CHECK(is_damaged());
    file.run("ROLLBACK TO harm; RELEASE harm");
  }
  file.run("UPDATE key_run SET block_bits = 32");
  CHECK_THROWS_AS(file.restart(), SQLite::Exception);
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
