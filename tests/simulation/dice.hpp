#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace holdfast::simulation {

/// All chance of a run. Its own reduction and not a distribution of the library, so that a seed
/// means the same run everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed * 0x9E3779B97F4A7C15U + 1) {}

  /// 0 up to `limit` - 1.
  [[nodiscard]] int below(int limit) {
    return static_cast<int>(random_() % static_cast<std::uint64_t>(limit));
  }
  [[nodiscard]] bool one_in(int n) { return below(n) == 0; }
  [[nodiscard]] std::uint64_t seed() { return random_(); }
  template <class T>
  [[nodiscard]] const T& one_of(const std::vector<T>& all) {
    return all[static_cast<std::size_t>(below(static_cast<int>(all.size())))];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace holdfast::simulation
