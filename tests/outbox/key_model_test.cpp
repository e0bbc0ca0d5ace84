#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <format>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "indexed.hpp"

using namespace holdfast;
using namespace holdfast::outbox;
using namespace holdfast::outbox_tests;

/// The index of keys beside a map, with whatever may go wrong at random.
namespace {

enum class Hashes { spread, few, one_part, extremes };
enum class Removal { none, oldest, any };

struct Plan {
  std::uint64_t seed = 0;
  std::size_t batch = 50;
  std::uint64_t group = 9;
  Hashes hashes = Hashes::spread;
  Removal removal = Removal::none;
  bool faults = false;
  bool gaps = false;  ///< Entries without a key.
};

class Model {
 public:
  explicit Model(const Plan& plan) : plan_(plan), random_(plan.seed), file_(plan.batch) {
    file_.run("PRAGMA synchronous = OFF");
  }

  void live(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      const auto dice = below(100);
      if (dice < 4) restart();
      if (dice >= 4 && dice < 30)
        for (auto part = below(400); part > 0; --part) file_.index().fill_filter();
      if (i % 16 == 0) check_all();
    }
    check_all();
    REQUIRE(file_.settle_down());
    check_all();
    CHECK(file_.waste() == 0);
    CHECK(file_.number("SELECT count(*) FROM key_run WHERE gone > 0 AND 2 * gone >= keys") == 0);
    CHECK(file_.number("SELECT ifnull(max(n), 0) FROM (SELECT count(*) AS n FROM key_run "
                       "GROUP BY level)") < static_cast<std::int64_t>(KeyRuns::merged_at_once));
    restart();
    while (file_.index().fill_filter()) {
    }
    check_all();
  }

 private:
  using Entries = std::map<std::int64_t, std::int64_t>;  ///< Seq and hash.
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  std::int64_t new_hash() {
    switch (plan_.hashes) {
      case Hashes::spread: break;
      case Hashes::few: return hash_of(static_cast<std::int64_t>(below(40)));
      case Hashes::one_part:
        if (below(10) > 0) return static_cast<std::int64_t>(below(1U << 20U));
        break;
      case Hashes::extremes: {
        using Limits = std::numeric_limits<std::int64_t>;
        const std::array<std::int64_t, 5> ends{Limits::min(), -1, 0, 1, Limits::max()};
        if (below(3) == 0) return ends[below(ends.size())];
        break;
      }
    }
    return static_cast<std::int64_t>(random_());
  }

  void break_something() {
    if (!plan_.faults || below(4) != 0) return;
    if (below(2) == 0) {
      const auto more = static_cast<sqlite3_int64>(below(below(2) == 0 ? 20'000 : 300'000));
      sqlite3_hard_heap_limit64(sqlite3_memory_used() + more);
    } else {
      const auto pages = file_.number("PRAGMA page_count") + static_cast<std::int64_t>(below(2));
      file_.run(std::format("PRAGMA max_page_count = {}", pages).c_str());
    }
  }
  void mend() {
    sqlite3_hard_heap_limit64(0);
    file_.run("PRAGMA max_page_count = 1000000");
  }

  void step() {
    Entries entries = entries_;
    const auto last = file_.last_seq();
    bool committed = false;
    try {
      committed = change(entries);
    } catch (const SQLite::Exception& error) {
      const int code = error.getErrorCode() & 0xFF;
      if (code != SQLITE_FULL && code != SQLITE_NOMEM) throw;
    }
    mend();
    if (committed)
      entries_ = std::move(entries);
    else
      file_.roll_back(last);
  }

  /// False: it is to be rolled back.
  bool change(Entries& entries) {
    file_.begin();
    break_something();
    const auto last = file_.last_seq();
    if (plan_.gaps && below(12) == 0) file_.skip(static_cast<std::int64_t>(below(150)));
    for (auto i = below(below(8) == 0 ? plan_.batch : plan_.group); i > 0; --i) {
      const auto hash = new_hash();
      entries[file_.add(hash)] = hash;
      if (below(4) == 0) check(hash, entries);
    }
    remove_some(entries, last);
    if (below(10) == 0) return false;
    if (below(3) == 0) file_.index().merge_more();
    file_.index().merge();
    if (!entries.empty()) check(entries.begin()->second, entries);
    if (below(8) == 0) return false;
    // Without memory it is no rollback: the ledger breaks down then.
    sqlite3_hard_heap_limit64(0);
    file_.commit();
    return true;
  }

  void remove_some(Entries& entries, std::int64_t last) {
    if (plan_.removal == Removal::none) return;
    for (auto left = below(below(20) == 0 ? 2 * plan_.batch : plan_.group + 2); left > 0; --left) {
      auto row = entries.begin();
      if (plan_.removal == Removal::any)
        row = entries.lower_bound(
            static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last + 1))));
      // Nothing removes what the same transaction has added.
      if (row == entries.end() || row->first > last) continue;
      file_.remove(row->second, row->first);
      entries.erase(row);
    }
  }

  void restart() {
    if (below(4) == 0) {
      file_.begin();
      file_.index().merge_more();
      file_.index().merge();
      file_.roll_back(file_.last_seq());
    }
    file_.restart();
  }

  void check(std::int64_t hash, const Entries& entries) {
    const auto found = file_.find(hash);
    for (const auto& [seq, each] : entries)
      if (each == hash && !std::ranges::contains(found, seq))
        FAIL("seed " << plan_.seed << ": hash " << hash << " of " << seq << " was not found");
  }

  void check_all() {
    std::map<std::int64_t, Seqs> by_hash;
    for (const auto& [seq, hash] : entries_) by_hash[hash].push_back(seq);
    for (const auto& [hash, seqs] : by_hash) REQUIRE(file_.find(hash) == seqs);
    REQUIRE(file_.whole());
    std::set<std::int64_t> seen;
    for (const auto& [run, rows] : file_.contents()) {
      std::int64_t gone = 0;
      for (const auto& [hash, seq] : rows) {
        REQUIRE((run.first_seq <= seq && seq <= run.last_seq));
        REQUIRE(seen.insert(seq).second);
        gone += entries_.contains(seq) ? 0 : 1;
      }
      REQUIRE(static_cast<std::int64_t>(rows.size()) == run.keys);
      REQUIRE(gone == run.gone);
    }
  }

  const Plan plan_;
  std::mt19937_64 random_;
  Indexed file_;
  Entries entries_;
};

}  // namespace

/// `HOLDFAST_SEED=n` repeats the one that failed, which is told.
TEST_CASE("key index: as a model has it, whatever goes wrong", "[outbox][keys]") {
  const char* one = std::getenv("HOLDFAST_SEED");
  const std::uint64_t first =
      one == nullptr ? std::random_device()() : std::strtoull(one, nullptr, 10);
  for (std::uint64_t seed = first; seed < first + (one == nullptr ? 24 : 1); ++seed) {
    Plan plan;
    plan.seed = seed;
    plan.batch = seed % 2 == 0 ? 50 : 300;
    plan.group = seed % 7 < 3 ? 9 : 80;
    plan.hashes = static_cast<Hashes>(seed / 2 % 4);
    plan.removal = static_cast<Removal>(seed / 8 % 3);
    plan.faults = seed % 3 != 0;
    plan.gaps = seed % 5 < 2;
    INFO("HOLDFAST_SEED=" << seed);
    Model(plan).live(160);
  }
}
