#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

enum class LogLevel { debug, info, warn, error };

/// One thing that happened: a stable snake_case name and its fields. Never holds a payload or a
/// secret.
struct LogEvent {
  LogLevel level = LogLevel::info;
  std::string_view name;  ///< Stable across versions, such as "delivery_retry".
  std::string message;    ///< One sentence for a person.
  std::vector<std::pair<std::string_view, std::string>> fields = {};
};

/// Takes one event. May be called from any thread at any time; must not block for long.
using LogSink = std::function<void(const LogEvent&)>;

}  // namespace holdfast
