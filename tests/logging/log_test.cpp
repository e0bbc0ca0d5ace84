#include "logging/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <ranges>
#include <regex>
#include <string>

#include "support/leaks_allowed.hpp"
#include "support/wait.hpp"

using namespace holdfast;

namespace {

const LogEvent event{
    LogLevel::warn,
    "delivery_retry",
    "Retrying the delivery.",
    {{"attempt", "3"}, {"reason", "server closed\nthe \"connection\""}, {"empty", ""}}};
constexpr auto* time_text = "2026-11-23T22:29:22.123Z";

}  // namespace

TEST_CASE("log: a text line is one line with quoted values", "[base]") {
  CHECK(logging::to_text_line(event, time_text) ==
        "2026-11-23T22:29:22.123Z warn delivery_retry: Retrying the delivery. attempt=3 "
        "reason=\"server closed the 'connection'\" empty=\"\"");
}

TEST_CASE("log: a JSON line is one object, whatever the bytes", "[base]") {
  auto copy = event;
  copy.fields.emplace_back("bytes", "\xFF\n");
  const auto line = logging::to_json_line(copy, time_text);
  CHECK_FALSE(line.contains('\n'));
  const auto parsed = nlohmann::json::parse(line);
  CHECK(parsed["level"] == "warn");
  CHECK(parsed["event"] == "delivery_retry");
  CHECK(parsed["attempt"] == "3");
  CHECK(parsed["reason"] == "server closed\nthe \"connection\"");
}

namespace {

/// Standard error as a pipe, for as long as this lives.
class CapturedStderr {
 public:
  CapturedStderr() {
    (void)std::signal(SIGPIPE, SIG_IGN);  // As the daemon does.
    REQUIRE(::pipe(pipe_) == 0);
    saved_ = ::dup(STDERR_FILENO);
    ::dup2(pipe_[1], STDERR_FILENO);
  }
  ~CapturedStderr() {
    ::dup2(saved_, STDERR_FILENO);
    for (const int fd : {saved_, pipe_[0], pipe_[1]}) ::close(fd);
  }
  std::string read() {
    std::string text(65'536, '\0');
    const auto size = ::read(pipe_[0], text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
  }

 private:
  int pipe_[2] = {};
  int saved_ = -1;
};

}  // namespace

TEST_CASE("log: a flush returns after the lines are written; levels below the chosen one are not",
          "[base]") {
  CapturedStderr captured;
  logging::StderrLog log({.level = "warn", .format = LogFormat::text});
  const auto sink = log.sink();
  sink({LogLevel::info, "quiet", "not shown"});
  sink({LogLevel::error, "loud", "shown"});
  log.flush();
  const auto text = captured.read();
  CHECK(text.ends_with(" error loud: shown\n"));
  CHECK_FALSE(text.contains("quiet"));
}

TEST_CASE("log: another level counts from then on, in every sink that was handed out", "[base]") {
  CapturedStderr captured;
  logging::StderrLog log({.level = "error", .format = LogFormat::text});
  const auto sink = log.sink();
  sink({LogLevel::warn, "before", "not shown"});
  log.set_level("debug");
  sink({LogLevel::debug, "between", "shown"});
  log.set_level("warn");
  sink({LogLevel::info, "after", "not shown"});
  sink({LogLevel::warn, "last", "shown"});
  log.flush();
  const auto text = captured.read();
  CHECK(text.contains(" debug between: shown\n"));
  CHECK(text.ends_with(" warn last: shown\n"));
  CHECK_FALSE((text.contains("before") || text.contains("after")));
}

TEST_CASE("log: a reader that is stuck holds up neither a caller nor the end", "[base]") {
  CapturedStderr captured;
  {
    const support::LeaksAllowed leaks;  // The writing thread is left where it hangs.
    logging::StderrLog log({});
    const auto sink = log.sink();
    // Far more than a pipe and the queue hold: would block for ever if writing were done here.
    for (int i = 0; i < 20'000; ++i) sink({LogLevel::info, "event", std::string(100, 'x')});
  }
  SUCCEED("returned");
}

TEST_CASE("log: an event that repeats is summed up, at the latest when the log ends",
          "[base][log]") {
  CapturedStderr captured;
  {
    logging::StderrLog log({.level = "info", .format = LogFormat::json});
    const auto sink = log.sink();
    for (int i = 0; i < 100; ++i)
      sink({LogLevel::warn, "entry_dead", "refused", {{"source", "orders"}}});
    sink({LogLevel::info, "stopped", "Stopped"});
  }
  const auto text = captured.read();
  std::map<std::string, int> counts;
  for (const auto line : std::views::split(std::string_view(text), '\n'))
    if (!line.empty()) {
      const auto document = nlohmann::json::parse(line);
      ++counts[document["event"]];
      if (document["event"] == "event_repeated") {
        CHECK(document["count"] == "80");
        CHECK(document["repeated_event"] == "entry_dead");
        CHECK(document["source"] == "orders");
        CHECK(document["level"] == "warn");
      }
    }
  CHECK(counts ==
        std::map<std::string, int>{{"entry_dead", 20}, {"event_repeated", 1}, {"stopped", 1}});
}

TEST_CASE("log: a flood is summed up ten seconds after its beginning, without another event",
          "[base][log][slow]") {
  CapturedStderr captured;
  logging::StderrLog log({});
  const auto sink = log.sink();
  for (int i = 0; i < 50; ++i) sink({LogLevel::warn, "write_refused", "full"});
  log.flush();
  CHECK_FALSE(captured.read().contains("event_repeated"));
  // Blocks until the thread writes.
  const auto summary = captured.read();
  CHECK(summary.contains("warn event_repeated: The same came 30 times more."));
  CHECK(summary.contains("repeated_event=write_refused"));
}

TEST_CASE("log: what a stuck reader lost is counted, and told once lines pass again",
          "[base][log]") {
  CapturedStderr captured;
  logging::StderrLog log({.level = "debug", .format = LogFormat::text});
  const auto sink = log.sink();
  const int sent = 20'000;
  for (int i = 0; i < sent; ++i) sink({LogLevel::debug, "request", std::string(100, 'x')});
  CHECK(log.dropped() > 5'000);
  // Somebody reads again.
  std::string text;
  REQUIRE(support::eventually(
      [&] {
        sink({LogLevel::info, "later", "again"});
        text += captured.read();
        return text.contains("log_lines_dropped") && text.contains("later: again");
      },
      std::chrono::seconds(20)));
  std::uint64_t told = 0;
  const std::regex count("warn log_lines_dropped: [^\\n]* count=([0-9]+)");
  for (std::sregex_iterator match(text.begin(), text.end(), count), end; match != end; ++match)
    told += std::stoull((*match)[1]);
  CHECK(told > 5'000);
  CHECK(told <= log.dropped());
}
