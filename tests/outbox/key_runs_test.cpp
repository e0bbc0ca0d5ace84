#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <map>
#include <string>

#include "indexed.hpp"
#include "outbox/damage.hpp"

using namespace holdfast;
using namespace holdfast::outbox;
using namespace holdfast::outbox_tests;

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
  CHECK(file.settle_down());
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
  CHECK(file.settle_down());
  CHECK(file.runs() == 0);
  CHECK(file.number("SELECT count(*) FROM key_block") == 0);
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

TEST_CASE("key index: runs stay in the order of their entries, however short the lives were",
          "[outbox][keys]") {
  Indexed file;
  const auto live = [&](int starts, std::int64_t adds) {
    for (int start = 0; start < starts; ++start) {
      if (starts > 1) file.restart();
      for (std::int64_t i = 0; i < adds; ++i) {
        file.begin();
        file.add(hash_of(file.last_seq() + 1));
        file.commit();
      }
    }
  };
  // What a start finds is one larger batch, whose run comes behind smaller ones.
  live(1, 120);
  live(60, 8);
  live(1, 120);
  live(60, 8);
  live(1, 300);
  CHECK(file.settle_down());
  CHECK(file.number("SELECT count(*) FROM key_run AS older JOIN key_run AS newer "
                    "ON older.first_seq < newer.first_seq "
                    "WHERE older.last_seq >= newer.first_seq OR older.level < newer.level") == 0);
  CHECK(file.whole());
  file.restart();
  for (std::int64_t i = 1; i <= file.last_seq(); ++i) REQUIRE(file.find(hash_of(i)) == Seqs{i});
}

TEST_CASE("key index: seqs that retention has emptied are no work for a start", "[outbox][keys]") {
  Indexed file;
  file.skip(1'000'000'000);
  file.begin();
  for (int i = 0; i < 1000; ++i) file.insert(hash_of(i));
  file.commit();
  file.run("UPDATE key_progress SET indexed_seq = 0");
  file.restart();
  CHECK(file.number("SELECT count(*) FROM key_block") < 30);
  CHECK(file.number("SELECT sum(keys) FROM key_run") >= 850);
  CHECK(file.find(hash_of(999)) == Seqs{1'000'001'000});
}

TEST_CASE("key index: where merging finds no room, commits go on without it", "[outbox][keys]") {
  Indexed file(3000);
  for (int commit = 0; commit < 149; ++commit) {
    file.begin();
    for (int i = 0; i < 20; ++i) file.add(hash_of(file.last_seq() + 1));
    file.commit();
  }
  // The batch is full soon, and its run has more pages than there is room for.
  const auto pages = file.number("PRAGMA page_count");
  file.run(std::format("PRAGMA max_page_count = {}", pages + 5).c_str());
  int failed = 0;
  for (int commit = 0; commit < 40; ++commit) {
    const auto last = file.last_seq();
    try {
      file.begin();
      file.add(hash_of(last + 1));
      file.commit();
    } catch (const SQLite::Exception&) {
      ++failed;
      file.roll_back(last);
    }
  }
  CHECK(file.index().has_work());
  CHECK(failed == 1);
}

TEST_CASE("key index: what cannot be true of a run is damage", "[outbox][keys]") {
  Indexed file;
  for (int i = 0; i < 600; ++i) {
    file.begin();
    file.add(hash_of(i));
    file.commit();
  }
  REQUIRE(file.settle_down());
  REQUIRE(file.runs() >= 2);
  for (const auto* harm :
       {"level = 200000000", "level = -1", "keys = 100000000000", "keys = 0", "gone = -1",
        "last_seq = first_seq - 1", "first_seq = -5", "block_bits = -1", "id = 3000000000"}) {
    INFO(harm);
    file.run("SAVEPOINT harm");
    file.run(std::format("UPDATE key_run SET {} WHERE id = (SELECT min(id) FROM key_run)", harm)
                 .c_str());
    bool damaged = false;
    try {
      file.restart();
    } catch (const SQLite::Exception& error) {
      damaged = is_damage(error);
    }
    CHECK(damaged);
    file.run("ROLLBACK TO harm; RELEASE harm");
  }
}
