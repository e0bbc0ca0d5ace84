#include "observe/filling.hpp"

#include <catch2/catch_test_macros.hpp>
#include <map>

#include "sample.hpp"

namespace {

using namespace std::chrono_literals;
using holdfast::LogEvent;
using holdfast::LogLevel;
using holdfast::SteadyTime;
using holdfast::observe::FillingWatch;
using holdfast::observe::in_words;

/// A watch on a clock that each look moves by ten seconds.
struct Watched {
  FillingWatch watch;
  SteadyTime now{};
  std::optional<LogEvent> look(std::optional<double> full_in_seconds) {
    now += 10s;
    auto snapshot = holdfast::test::healthy();
    if (full_in_seconds) snapshot.forecast = {full_in_seconds, 2345.6, "max_size"};
    return watch.look(snapshot, now);
  }
  /// The levels of all that was said in so many looks.
  std::vector<LogLevel> looks(int count, double full_in_seconds) {
    std::vector<LogLevel> levels;
    for (int i = 0; i < count; ++i)
      if (const auto event = look(full_in_seconds)) levels.push_back(event->level);
    return levels;
  }
};

TEST_CASE("filling: says nothing while there is no end or a far one", "[observe][filling]") {
  Watched watched;
  CHECK_FALSE(watched.look(std::nullopt));
  CHECK_FALSE(watched.look(4 * 3600.0));
  CHECK_FALSE(watched.look(100 * 3600.0));
}

TEST_CASE("filling: warns below four hours, in words and in figures", "[observe][filling]") {
  Watched watched;
  const auto event = watched.look(3 * 3600.0 + 20 * 60 + 5);
  REQUIRE(event);
  CHECK(event->name == "outbox_filling");
  CHECK(event->level == LogLevel::warn);
  CHECK(event->message.contains("full in 3 h 20 min"));
  const std::map<std::string_view, std::string> fields(event->fields.begin(), event->fields.end());
  CHECK(fields == std::map<std::string_view, std::string>{{"full_in_seconds", "12005"},
                                                          {"limited_by", "max_size"},
                                                          {"growth_bytes_per_second", "2346"},
                                                          {"pending", "3"},
                                                          {"destination", "connected"}});
}

TEST_CASE("filling: repeats each half hour, and at once as an error below one hour",
          "[observe][filling]") {
  Watched watched;
  // Two hours of looks with three hours left.
  CHECK(watched.looks(720, 3 * 3600.0) == std::vector<LogLevel>(4, LogLevel::warn));
  CHECK(watched.looks(1, 3599.0) == std::vector{LogLevel::error});
  CHECK(watched.looks(360, 1800.0) == std::vector<LogLevel>(2, LogLevel::error));
  CHECK(watched.looks(1, 0.0).empty());
}

TEST_CASE("filling: a forecast that wavers at a limit makes no lines", "[observe][filling]") {
  Watched watched;
  int said = 0;
  for (int i = 0; i < 100; ++i) said += watched.look(i % 2 == 0 ? 3.9 * 3600 : 4.9 * 3600) ? 1 : 0;
  CHECK(said == 1);
  for (int i = 0; i < 70; ++i) said += watched.look(i % 2 == 0 ? 3590.0 : 3700.0) ? 1 : 0;
  CHECK(said == 2);
}

TEST_CASE("filling: says when it is over, once", "[observe][filling]") {
  for (const auto& over : {std::optional<double>(), std::optional(5 * 3600.0)}) {
    Watched watched;
    REQUIRE(watched.look(600.0));
    const auto ended = watched.look(over);
    REQUIRE(ended);
    CHECK(ended->name == "outbox_filling_ended");
    CHECK(ended->level == LogLevel::info);
    CHECK_FALSE(watched.look(over));
    // The next time begins anew.
    CHECK(watched.look(600.0)->level == LogLevel::error);
  }
}

TEST_CASE("filling: a full outbox is said to be full", "[observe][filling]") {
  Watched watched;
  const auto event = watched.look(0.0);
  REQUIRE(event);
  CHECK(event->level == LogLevel::error);
  CHECK(event->message.starts_with("The outbox is full: "));
}

TEST_CASE("filling: durations are said in their two largest units", "[observe][filling]") {
  CHECK(in_words(0s) == "0 s");
  CHECK(in_words(59s) == "59 s");
  CHECK(in_words(60s) == "1 min");
  CHECK(in_words(3h + 20min + 59s) == "3 h 20 min");
  CHECK(in_words(49h + 59min) == "2 d 1 h");
}

}  // namespace
