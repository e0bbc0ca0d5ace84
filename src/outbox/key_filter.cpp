#include "outbox/key_filter.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace holdfast::outbox {
namespace {

constexpr std::size_t word_bits = 64;
constexpr std::size_t line_words = 8;
constexpr std::size_t line_bits = line_words * word_bits;
constexpr std::size_t lines = KeyFilter::bytes * 8 / line_bits;
constexpr unsigned line_of_bits = std::bit_width(lines - 1);
constexpr unsigned bit_of_bits = std::bit_width(line_bits - 1);
constexpr unsigned bits_a_hash = 5;
static_assert(lines % KeyFilter::parts == 0, "a part begins with a line");
static_assert(line_of_bits + bits_a_hash * bit_of_bits <= 64, "each bit has bits of its own");

/// Calls `visit(word, mask)` for each bit of the hash.
void each_bit(std::int64_t hash, auto visit) {
  const std::uint64_t bits = ordered_bits(hash);
  const auto first_word = static_cast<std::size_t>(bits >> (64U - line_of_bits)) * line_words;
  for (unsigned i = 0; i < bits_a_hash; ++i) {
    const auto bit = static_cast<std::size_t>(bits >> (i * bit_of_bits)) % line_bits;
    visit(first_word + bit / word_bits, std::uint64_t{1} << (bit % word_bits));
  }
}

}  // namespace

KeyFilter::KeyFilter()
    : words_(static_cast<std::uint64_t*>(std::calloc(words, sizeof(std::uint64_t)))) {
  if (!words_) throw std::bad_alloc();
}

void KeyFilter::add(std::int64_t hash) {
  each_bit(hash, [&](std::size_t word, std::uint64_t mask) { words_[word] |= mask; });
}

bool KeyFilter::may_hold(std::int64_t hash) const {
  bool all = true;
  each_bit(hash, [&](std::size_t word, std::uint64_t mask) { all &= (words_[word] & mask) != 0; });
  return all;
}

void KeyFilter::clear_part(std::size_t part) {
  constexpr std::size_t part_words = words / parts;
  std::fill_n(&words_[part * part_words], part_words, std::uint64_t{0});
}

}  // namespace holdfast::outbox
