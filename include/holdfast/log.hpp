#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

/// Who should read a line of the log.
enum class LogLevel {
  debug,  ///< Whoever looks for a fault.
  info,   ///< Nobody at once: something changed as it should.
  warn,   ///< An operator some time: it goes on by itself.
  error,  ///< An operator now.
};

/// One thing that happened: a stable snake_case name and its fields. Never holds a payload or a
/// secret.
struct LogEvent {
  LogLevel level = LogLevel::info;  ///< Who should read it.
  std::string_view name;            ///< Stable across versions, such as "delivery_retry".
  std::string message;              ///< One sentence for a person.
  /// Names and values, in the order to print; docs/operations.md lists them.
  std::vector<std::pair<std::string_view, std::string>> fields = {};
};

/// Takes one event. May be called from any thread at any time, the writer's and the relay's among
/// them, and under their locks: it must not block for long, nor call back what logs, nor throw.
using LogSink = std::function<void(const LogEvent&)>;

}  // namespace holdfast
