#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"

/// What a person at a terminal is asked and shown while a command works.
namespace holdfast::cli {

/// True if somebody can be asked: standard input and standard error are a terminal.
[[nodiscard]] bool can_ask();

/// Asks "<question> [y/N] " on standard error; true only for y or yes.
[[nodiscard]] bool ask(std::string_view question);

/// "<doing>: 12000 entries" on standard error, written over itself; nothing where that is no
/// terminal.
///
/// Threads:  one at a time.
class Progress {
 public:
  Progress(const Clock& clock, std::string doing);
  /// Takes the line away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void add(std::uint64_t entries);
  /// Takes the line away before something else is written; the next add() brings it back.
  void clear();

 private:
  const Clock& clock_;
  const std::string doing_;
  const bool shown_;
  std::uint64_t entries_ = 0;
  bool on_screen_ = false;
  std::optional<SteadyTime> drawn_at_;
};

}  // namespace holdfast::cli
