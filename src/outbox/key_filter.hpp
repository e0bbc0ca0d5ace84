#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "outbox/key_rows.hpp"

namespace holdfast::outbox {

/// A Bloom filter over the hashes of keys: tells for sure that one was never added, and is wrong
/// the other way for few. All bits of a hash are in one line of the processor's cache, and the
/// lines are in the order of the hashes, so that a part of them can be cleared by itself. With a
/// million keys one new key in a thousand is taken for a known one, with ten million one in
/// fifteen.
///
/// Threads:  one at a time.
class KeyFilter {
 public:
  void add(std::int64_t hash);
  [[nodiscard]] bool may_hold(std::int64_t hash) const;
  /// A part is of the hashes that begin with these bits.
  void clear_part(std::size_t part);

  static constexpr unsigned part_bits = 9;
  static constexpr std::size_t parts = std::size_t{1} << part_bits;
  static constexpr std::size_t bytes = std::size_t{16} << 20U;

 private:
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(bytes / sizeof(std::uint64_t));
};

}  // namespace holdfast::outbox
