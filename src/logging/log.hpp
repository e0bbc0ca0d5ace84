#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "holdfast/config.hpp"
#include "holdfast/log.hpp"

namespace holdfast::logging {

/// A sink that writes one line an event to standard error, as text or JSON, through spdlog.
/// The line is handed to a background thread with a bounded queue that drops the oldest when full:
/// a stuck reader of standard error must never hold up an answer to a sender. What is lost is
/// counted, and told in `log_lines_dropped` once lines pass again. One fault that repeats is summed
/// up in `event_repeated` (Repeats).
///
/// Threads:  the returned sink, dropped: any.
class StderrLog {
 public:
  explicit StderrLog(const LogConfig& config);
  ~StderrLog();
  StderrLog(const StderrLog&) = delete;
  StderrLog& operator=(const StderrLog&) = delete;
  [[nodiscard]] LogSink sink();
  /// False: events of this level are thrown away for now. Any thread.
  [[nodiscard]] bool takes(LogLevel level) const;
  /// From now on; a word of LogConfig::level. Any thread.
  void set_level(std::string_view level);
  /// Blocks:   until the lines so far are written, at most a second.
  void flush();
  /// Lines that were thrown away so far, because nobody took them in time.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// One event as a line without its newline: `2026-… info delivery_retry Retrying … attempt=3`.
[[nodiscard]] std::string to_text_line(const LogEvent& event, std::string_view rfc3339_time);
/// One event as a JSON object on one line; bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string to_json_line(const LogEvent& event, std::string_view rfc3339_time);

}  // namespace holdfast::logging
