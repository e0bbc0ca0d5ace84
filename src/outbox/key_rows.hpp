#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace holdfast::outbox {

/// Hashes of keys are taken in so many parts, by their first bits.
inline constexpr std::size_t key_parts = 2048;

/// The hash as a number without sign, in the same order: negative ones come first.
constexpr std::uint64_t ordered_bits(std::int64_t hash) {
  return static_cast<std::uint64_t>(hash) ^ (std::uint64_t{1} << 63U);
}

/// The first bits of a hash.
constexpr std::size_t key_prefix(std::int64_t hash, unsigned bits) {
  return bits == 0 ? 0 : static_cast<std::size_t>(ordered_bits(hash) >> (64U - bits));
}

inline constexpr unsigned key_part_bits = std::bit_width(key_parts - 1);
constexpr std::size_t key_part(std::int64_t hash) {
  return key_prefix(hash, key_part_bits);
}

/// Rows of the index that are in memory, in parts by the first bits of their hash. A part is small
/// enough to be searched from its begin to its end, and the parts in turn are in the order of the
/// index.
///
/// Threads:  one at a time.
class KeyRows {
 public:
  using Row = std::pair<std::int64_t, std::int64_t>;  ///< Hash and seq.
  using Part = std::vector<Row>;

  void add(const Row& row);
  /// False: it was not there.
  bool remove(const Row& row);
  void append_found(std::int64_t hash, std::vector<std::int64_t>& seqs) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Adds the rows of all hashes whose first `bits`, no more than those of a part, are `prefix`.
  void append(unsigned bits, std::size_t prefix, Part& rows) const;
  void clear();

 private:
  std::vector<Part> parts_{key_parts};
  std::size_t size_ = 0;
};

}  // namespace holdfast::outbox
