#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fixture.hpp"

/// An outbox with a bit of everything in it, and what its salvage has to bring back.
namespace holdfast::outbox_tests {

/// The files as bytes, and what they held before any damage.
struct Image {
  std::string database;
  std::string wal;  ///< Empty: it was closed properly.
  std::vector<Entry> entries;
  /// The pages that each entry needs, by its seq: leaf pages and overflow pages of its rows.
  std::map<std::int64_t, std::set<std::uint32_t>> pages;
  std::set<std::uint32_t> source_pages;

  /// Writes the files for `box`, without the small ones beside them.
  void put(const Box& box) const;
};

/// Entries of several sizes and sources: pending, delivered and dead ones with attempts.
[[nodiscard]] Image make_image(std::uint64_t seed, int entries, bool closed = true);

/// Whether an entry is in all ways what was accepted; the name of its source only if asked.
[[nodiscard]] bool same_entry(const Entry& left, const Entry& right, bool source = true);

/// What damage did, and the pages that it touched.
struct Damage {
  std::string what;
  std::set<std::uint32_t> pages;
};
/// Does something bad to the bytes of a database, out of all kinds that are known.
[[nodiscard]] Damage do_damage(std::string& database, std::mt19937_64& random);

/// What the damaged databases beside the outbox hold.
[[nodiscard]] std::vector<std::string> files_aside(const Box& box);

struct Tally {
  int files = 0;
  int flips = 0;
  int refused = 0;
  int salvaged = 0;
  std::uint64_t kept = 0;       ///< Entries whose own pages were untouched: all of them are kept.
  std::uint64_t set_aside = 0;  ///< Entries that are dead as damaged.
};
/// Damages an outbox of this seed, opens it as often as it takes, and checks all that is promised.
void check_damage(std::uint64_t seed, Tally& tally);

}  // namespace holdfast::outbox_tests
