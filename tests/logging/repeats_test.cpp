#include "logging/repeats.hpp"

#include <catch2/catch_test_macros.hpp>
#include <map>

namespace {

using namespace std::chrono_literals;
using holdfast::LogEvent;
using holdfast::LogLevel;
using holdfast::SteadyTime;
using holdfast::logging::Repeats;

const SteadyTime begin = SteadyTime(1000s);

LogEvent dead(const std::string& source, const std::string& sqlstate, int id = 0) {
  return {LogLevel::warn,
          "entry_dead",
          "Postgres refuses an entry.",
          {{"id", std::to_string(id)}, {"source", source}, {"sqlstate", sqlstate}}};
}

bool admit(Repeats& repeats, const LogEvent& event, SteadyTime now) {
  return repeats.judge(event, now) == Repeats::Verdict::write;
}

int admitted(Repeats& repeats, const LogEvent& event, int times, SteadyTime now) {
  int count = 0;
  for (int i = 0; i < times; ++i) count += admit(repeats, event, now) ? 1 : 0;
  return count;
}

std::map<std::string_view, std::string> fields_of(const LogEvent& event) {
  return {event.fields.begin(), event.fields.end()};
}

}  // namespace

TEST_CASE("repeats: the first twenty of a kind are written, the others counted", "[base][log]") {
  Repeats repeats;
  for (int i = 0; i < 20; ++i) CHECK(admit(repeats, dead("orders", "23514", i), begin));
  CHECK_FALSE(repeats.next());
  for (int i = 20; i < 5000; ++i)
    CHECK(repeats.judge(dead("orders", "23514", i), begin + 3s) ==
          (i == 20 ? Repeats::Verdict::cut_first : Repeats::Verdict::cut));
  CHECK(repeats.next() == begin + 10s);
  CHECK(repeats.ended(begin + 9s).empty());
  const auto summaries = repeats.ended(begin + 10s);
  REQUIRE(summaries.size() == 1);
  CHECK(summaries[0].name == "event_repeated");
  CHECK(summaries[0].level == LogLevel::warn);
  CHECK(summaries[0].message == "The same came 4980 times more.");
  CHECK(fields_of(summaries[0]) ==
        std::map<std::string_view, std::string>{{"repeated_event", "entry_dead"},
                                                {"source", "orders"},
                                                {"sqlstate", "23514"},
                                                {"count", "4980"}});
  CHECK(repeats.ended(begin + 100s).empty());
  CHECK_FALSE(repeats.next());
}

TEST_CASE("repeats: a flood hides no other event, source or error, and never a first one",
          "[base][log]") {
  Repeats repeats;
  CHECK(admitted(repeats, dead("orders", "23514"), 1000, begin) == 20);
  CHECK(admit(repeats, dead("orders", "23505"), begin));
  CHECK(admit(repeats, dead("other", "23514"), begin));
  CHECK(admit(repeats, {LogLevel::error, "source_paused", "", {{"source", "orders"}}}, begin));
  CHECK(admit(repeats, {LogLevel::info, "stopping", "", {}}, begin));
}

TEST_CASE("repeats: twenty within each ten seconds are never cut short", "[base][log]") {
  Repeats repeats;
  for (int round = 0; round < 5; ++round)
    CHECK(admitted(repeats, dead("orders", "23514"), 20, begin + round * 10s) == 20);
  CHECK_FALSE(repeats.next());
  CHECK(repeats.ended(begin + 1h).empty());
}

TEST_CASE("repeats: after its summary a kind begins anew", "[base][log]") {
  Repeats repeats;
  CHECK(admitted(repeats, dead("orders", "23514"), 30, begin) == 20);
  // Nobody has asked for the summary yet: what comes meanwhile is counted with it.
  CHECK(admitted(repeats, dead("orders", "23514"), 5, begin + 12s) == 0);
  const auto summaries = repeats.ended(begin + 13s);
  REQUIRE(summaries.size() == 1);
  CHECK(summaries[0].message == "The same came 15 times more.");
  CHECK(admitted(repeats, dead("orders", "23514"), 30, begin + 14s) == 20);
}

TEST_CASE("repeats: debug is never cut short", "[base][log]") {
  Repeats repeats;
  CHECK(admitted(repeats, {LogLevel::debug, "request", "", {}}, 1000, begin) == 1000);
}

TEST_CASE("repeats: names that somebody makes up take no more memory than the limit",
          "[base][log]") {
  Repeats repeats;
  int written = 0;
  for (int i = 0; i < 10'000; ++i)
    written += admit(repeats, dead("source-" + std::to_string(i), "23514"), begin) ? 1 : 0;
  // Each of the first is the first of its kind; then the name alone counts.
  CHECK(written == 1024 + 20);
  CHECK(repeats.ended(begin + 10s).size() == 1);
  CHECK(admit(repeats, dead("source-9999", "23514"), begin + 10s));
}
