#include "base/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <nlohmann/json.hpp>

#include "support/leaks_allowed.hpp"

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
  CHECK(base::to_text_line(event, time_text) ==
        "2026-11-23T22:29:22.123Z warn delivery_retry: Retrying the delivery. attempt=3 "
        "reason=\"server closed the 'connection'\" empty=\"\"");
}

TEST_CASE("log: a JSON line is one object, whatever the bytes", "[base]") {
  auto copy = event;
  copy.fields.emplace_back("bytes", "\xFF\n");
  const auto line = base::to_json_line(copy, time_text);
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
  base::StderrLog log({.level = "warn", .format = LogFormat::text});
  const auto sink = log.sink();
  sink({LogLevel::info, "quiet", "not shown"});
  sink({LogLevel::error, "loud", "shown"});
  log.flush();
  const auto text = captured.read();
  CHECK(text.ends_with(" error loud: shown\n"));
  CHECK_FALSE(text.contains("quiet"));
}

TEST_CASE("log: a reader that is stuck holds up neither a caller nor the end", "[base]") {
  CapturedStderr captured;
  {
    const support::LeaksAllowed leaks;  // The writing thread is left where it hangs.
    base::StderrLog log({});
    const auto sink = log.sink();
    // Far more than a pipe and the queue hold: would block for ever if writing were done here.
    for (int i = 0; i < 20'000; ++i) sink({LogLevel::info, "event", std::string(100, 'x')});
  }
  SUCCEED("returned");
}
