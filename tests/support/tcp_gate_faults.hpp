#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "holdfast/clock.hpp"

/// What a gate does to the bytes that pass it.
namespace holdfast::support {

/// Faults that wait for their byte in one direction, each of them once.
struct ArmedFaults {
  std::optional<std::uint64_t> bytes_until_cut;
  std::optional<std::uint64_t> bytes_until_flip;
  std::uint8_t flipped_bits = 0;
  std::uint64_t flips = 0;

  /// Does to the bytes what is due; true if the connection ends behind what is left of them.
  bool pass(std::string& bytes) {
    if (bytes_until_flip && *bytes_until_flip < bytes.size()) {
      char& byte = bytes[*bytes_until_flip];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ flipped_bits);
      bytes_until_flip.reset();
      ++flips;
    } else if (bytes_until_flip) {
      *bytes_until_flip -= bytes.size();
    }
    if (bytes_until_cut && *bytes_until_cut <= bytes.size()) {
      bytes.resize(*bytes_until_cut);
      bytes_until_cut.reset();
      return true;
    }
    if (bytes_until_cut) *bytes_until_cut -= bytes.size();
    return false;
  }
};

/// How many bytes may pass by now, at a bounded speed.
class Throttle {
 public:
  /// 0: as fast as it goes.
  void set_bytes_per_second(std::uint64_t rate) {
    rate_ = rate;
    left_ = 0;
    filled_at_ = clock_.steady_now();
  }
  [[nodiscard]] bool limits() const { return rate_ != 0; }
  /// How many of `wanted` bytes may go; at most a tenth of a second is saved up.
  [[nodiscard]] std::size_t allowed(std::size_t wanted) {
    if (!limits()) return wanted;
    const auto now = clock_.steady_now();
    const double seconds = std::chrono::duration<double>(now - filled_at_).count();
    const double most = std::max(1.0, static_cast<double>(rate_) / 10);
    left_ = std::min(most, left_ + seconds * static_cast<double>(rate_));
    filled_at_ = now;
    return std::min(wanted, static_cast<std::size_t>(left_));
  }
  void spend(std::size_t bytes) {
    if (limits()) left_ -= static_cast<double>(bytes);
  }

 private:
  SystemClock clock_;
  std::uint64_t rate_ = 0;
  double left_ = 0;
  SteadyTime filled_at_ = clock_.steady_now();
};

}  // namespace holdfast::support
