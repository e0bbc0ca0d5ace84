#pragma once

#include <memory>
#include <string_view>

#include "holdfast/config.hpp"
#include "holdfast/log.hpp"

namespace holdfast::base {

/// A sink that writes one line an event to standard error, as text or JSON, through spdlog.
/// The line is handed to a background thread with a bounded queue that drops the oldest when full:
/// a stuck reader of standard error must never hold up an answer to a sender.
///
/// Threads:  the returned sink: any.
class StderrLog {
 public:
  explicit StderrLog(const LogConfig& config);
  ~StderrLog();
  StderrLog(const StderrLog&) = delete;
  StderrLog& operator=(const StderrLog&) = delete;
  [[nodiscard]] LogSink sink();
  /// Blocks:   until the lines so far are written, at most a second.
  void flush();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// One event as a line without its newline: `2026-… info delivery_retry Retrying … attempt=3`.
[[nodiscard]] std::string to_text_line(const LogEvent& event, std::string_view rfc3339_time);
/// One event as a JSON object on one line; bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string to_json_line(const LogEvent& event, std::string_view rfc3339_time);

}  // namespace holdfast::base
