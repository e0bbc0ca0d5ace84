#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

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
  /// Errors:   throws std::bad_alloc.
  KeyFilter();
  void add(std::int64_t hash);
  [[nodiscard]] bool may_hold(std::int64_t hash) const;
  /// A part is of the hashes that begin with these bits.
  void clear_part(std::size_t part);

  static constexpr unsigned part_bits = 9;
  static constexpr std::size_t parts = std::size_t{1} << part_bits;
  static constexpr std::size_t bytes = std::size_t{16} << 20U;

 private:
  static constexpr std::size_t words = bytes / sizeof(std::uint64_t);
  struct Free {
    void operator()(std::uint64_t* words) const { std::free(words); }
  };
  /// From calloc: what no key has needed yet is no memory of the process.
  std::unique_ptr<std::uint64_t[], Free> words_;
};

}  // namespace holdfast::outbox
