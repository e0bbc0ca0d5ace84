#include "logging/log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/encoding.hpp"
#include "base/guarded.hpp"
#include "base/wake_signal.hpp"
#include "logging/repeats.hpp"

namespace holdfast::logging {
namespace {

constexpr std::size_t queue_lines_max = 8192;
/// While lines are being lost all the time, this often one is spent on saying so.
constexpr std::chrono::seconds tell_every{1};

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
  }
  return "info";
}

LogLevel level_of(std::string_view name) {
  for (const auto level : {LogLevel::debug, LogLevel::warn, LogLevel::error})
    if (name == level_name(level)) return level;
  return LogLevel::info;
}

/// A value as key=value text: quoted when it has spaces or quotes; control characters become
/// spaces.
std::string text_value(std::string_view value) {
  std::string clean;
  for (const char c : value) clean += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  const bool plain = !clean.empty() && clean.find_first_of(" \"=") == std::string::npos;
  if (plain) return clean;
  std::ranges::replace(clean, '"', '\'');
  return '"' + clean + '"';
}

std::string line_of(const LogEvent& event, const Clock& clock, bool json) {
  const std::string time = base::to_rfc3339(clock.wall_now());
  return json ? to_json_line(event, time) : to_text_line(event, time);
}

/// Writes whole lines to standard error, unbuffered, and tells when a flush came through the queue.
/// Once lines pass again it tells how many did not.
class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  /// `overrun` counts what the full queue has thrown away.
  void on_loss(bool json, std::function<std::uint64_t()> overrun) {
    json_ = json;
    overrun_ = std::move(overrun);
  }
  /// Lines that did not reach standard error.
  [[nodiscard]] std::uint64_t dropped() const { return overrun_() + failed_; }
  /// Blocks:   until `count` flushes came through, at most a second. False: they did not.
  [[nodiscard]] bool wait_for_flushes(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    return flushed_.wait_for(lock, std::chrono::seconds(1), [&] { return flushes_ >= count; });
  }
  /// From now on every line is thrown away.
  void abandon() { abandoned_ = true; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (abandoned_) return;
    if (!put({message.payload.data(), message.payload.size()})) {
      ++failed_;  // Nobody reads: there is no place to complain.
      return;
    }
    const auto now = clock_.steady_now();
    const auto lost = dropped();
    if (lost == told_ || now < told_at_ + tell_every) return;
    const bool told = put(line_of({LogLevel::warn,
                                   "log_lines_dropped",
                                   "Lines of log were thrown away: nobody took them in time.",
                                   {{"count", std::to_string(lost - told_)}}},
                                  clock_, json_));
    if (!told) return;
    told_ = lost;
    told_at_ = now;
  }
  static bool put(std::string line) {
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
      const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (written < 0 && errno != EINTR) return false;
      rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    return true;
  }
  void flush_() override {
    const std::scoped_lock lock(mutex_);
    ++flushes_;
    flushed_.notify_all();
  }

  // Constant after on_loss.
  SystemClock clock_;
  bool json_ = false;
  std::function<std::uint64_t()> overrun_;
  // Owned by the writing thread.
  std::uint64_t told_ = 0;  ///< Of the lines dropped so far.
  SteadyTime told_at_{};
  // Atomic: any thread.
  std::atomic<bool> abandoned_{false};
  std::atomic<std::uint64_t> failed_{0};  ///< Lines that standard error did not take.
  // Guarded by mutex_: any thread.
  std::mutex mutex_;
  std::condition_variable flushed_;
  std::uint64_t flushes_ = 0;
};

}  // namespace

class StderrLog::Impl {
 public:
  explicit Impl(const LogConfig& config)
      : json_(config.format == LogFormat::json),
        sink_(std::make_shared<StderrSink>()),
        pool_(std::make_shared<spdlog::details::thread_pool>(queue_lines_max, 1)),
        logger_(std::make_shared<spdlog::async_logger>(
            "holdfast", sink_, pool_, spdlog::async_overflow_policy::overrun_oldest)),
        level_(level_of(config.level)) {
    logger_->set_level(spdlog::level::trace);
    // The pool owns the thread that asks, so it is there whenever that thread is.
    sink_->on_loss(json_, [pool = pool_.get()] { return std::uint64_t{pool->overrun_counter()}; });
    summing_up_ = std::jthread([this](const std::stop_token& stop) { sum_up(stop); });
  }
  ~Impl() {
    summing_up_ = {};
    // A reader that is stuck would hold up the join of the writing thread for ever: leave it then.
    if (flush()) {
      // Joined while the logger is there, whose last owner its thread would otherwise be now and
      // then.
      pool_.reset();
      return;
    }
    sink_->abandon();
    (void)new std::shared_ptr(pool_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void write(const LogEvent& event) {
    if (!takes(event.level)) return;
    const auto verdict =
        repeats_.with([&](Repeats& repeats) { return repeats.judge(event, clock_.steady_now()); });
    if (verdict == Repeats::Verdict::write) post(event);
    if (verdict == Repeats::Verdict::cut_first) due_.raise();
  }
  [[nodiscard]] bool takes(LogLevel level) const {
    return level >= level_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t dropped() const { return sink_->dropped(); }
  void set_level(std::string_view name) { level_ = level_of(name); }
  bool flush() {
    const auto count = flushes_.with([](std::uint64_t& posted) { return ++posted; });
    logger_->flush();
    return sink_->wait_for_flushes(count);
  }

 private:
  void post(const LogEvent& event) {
    logger_->log(spdlog::level::info, spdlog::string_view_t(line_of(event, clock_, json_)));
  }
  /// Sleeps without a deadline while no kind of event is cut short.
  void sum_up(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto seen = due_.epoch();
      const auto next = repeats_.with([](const Repeats& repeats) { return repeats.next(); });
      due_.wait(seen, next, stop);
      tell_ended(clock_.steady_now());
    }
    // All that is left: the last lines of a log are those that are looked at.
    tell_ended(SteadyTime::max());
  }
  void tell_ended(SteadyTime until) {
    const auto ended = repeats_.with([&](Repeats& repeats) { return repeats.ended(until); });
    for (const auto& summary : ended) post(summary);
  }

  // Constant after construction.
  SystemClock clock_;
  bool json_;
  std::shared_ptr<StderrSink> sink_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
  // Atomic or guarded: any thread.
  std::atomic<LogLevel> level_;
  base::Guarded<std::uint64_t> flushes_{std::uint64_t{0}};
  base::Guarded<Repeats> repeats_;
  base::WakeSignal due_;
  std::jthread summing_up_;
};

StderrLog::StderrLog(const LogConfig& config) : impl_(std::make_shared<Impl>(config)) {}
StderrLog::~StderrLog() = default;

LogSink StderrLog::sink() {
  return [impl = impl_](const LogEvent& event) { impl->write(event); };
}

bool StderrLog::takes(LogLevel level) const {
  return impl_->takes(level);
}

void StderrLog::set_level(std::string_view level) {
  impl_->set_level(level);
}

void StderrLog::flush() {
  impl_->flush();
}

std::uint64_t StderrLog::dropped() const {
  return impl_->dropped();
}

std::string to_text_line(const LogEvent& event, std::string_view rfc3339_time) {
  std::string line(rfc3339_time);
  line += ' ';
  line += level_name(event.level);
  line += ' ';
  line += event.name;
  line += ": ";
  for (const char c : event.message) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  for (const auto& [key, value] : event.fields) {
    line += ' ';
    line += key;
    line += '=';
    line += text_value(value);
  }
  return line;
}

std::string to_json_line(const LogEvent& event, std::string_view rfc3339_time) {
  nlohmann::ordered_json line;
  line["time"] = rfc3339_time;
  line["level"] = level_name(event.level);
  line["event"] = event.name;
  line["message"] = event.message;
  for (const auto& [key, value] : event.fields) line[std::string(key)] = value;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace holdfast::logging
