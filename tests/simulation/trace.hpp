#pragma once

#include <cstdint>
#include <print>
#include <stdexcept>
#include <string>
#include <string_view>

namespace holdfast::simulation {

/// What happened, a line a step. Its hash tells whether two runs were the same; ids, which are
/// random, stay out of it.
class Trace {
 public:
  explicit Trace(bool prints) : prints_(prints) {}

  void line(std::string_view text) {
    for (const char c : text) add(static_cast<std::uint8_t>(c));
    add('\n');
    if (prints_) std::println("{}", text);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  /// FNV-1a.
  void add(std::uint8_t byte) { hash_ = (hash_ ^ byte) * 0x100000001B3U; }

  const bool prints_;
  std::uint64_t hash_ = 0xCBF29CE484222325U;
};

/// A promise that was broken. Thrown through the product on purpose: the run ends where it
/// happened.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void demand(bool holds, std::string_view promise, std::string_view about = "") {
  if (holds) return;
  throw Violation(std::string(promise) + (about.empty() ? "" : ": ") + std::string(about));
}

}  // namespace holdfast::simulation
