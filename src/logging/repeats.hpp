#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/log.hpp"

namespace holdfast::logging {

/// Keeps one fault from filling the log: of events of one kind the first twenty within ten seconds
/// are written, then one line says how many more there were. The kind is the name with its source
/// and its class of error, so that a flood hides neither another event nor another error, and never
/// the first. Debug is not counted: who turns it on wants each line.
///
/// Threads:  one at a time.
class Repeats {
 public:
  static constexpr std::uint64_t lines_max = 20;
  static constexpr std::chrono::seconds window{10};
  /// Beyond so many kinds at once, as with names that somebody makes up, the name alone counts.
  static constexpr std::size_t kinds_max = 1024;

  enum class Verdict {
    write,
    cut_first,  ///< Not to be written, and from now on next() has a time for its kind.
    cut,
  };
  [[nodiscard]] Verdict judge(const LogEvent& event, SteadyTime now);
  /// An `event_repeated` for each kind that was cut short and whose time has ended.
  [[nodiscard]] std::vector<LogEvent> ended(SteadyTime now);
  /// When ended() has something to say next.
  [[nodiscard]] std::optional<SteadyTime> next() const;

 private:
  struct Kind {
    SteadyTime since{};
    std::uint64_t seen = 0;
    LogEvent summary;  ///< Without its count; made with the first line that is not written.
  };
  [[nodiscard]] Kind& kind_of(const LogEvent& event, SteadyTime now);

  std::map<std::string, Kind> kinds_;
};

}  // namespace holdfast::logging
