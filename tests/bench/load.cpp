// The load generator of the bench: POSTs with a key each, every answer looked at, every time kept.
// Prints one JSON object; exit 1 if an answer was missing or not what it should be.

#include <sys/prctl.h>

#include <cstdio>
#include <exception>
#include <string>

#include "http_load.hpp"
#include "options.hpp"

using namespace holdfast::bench;

namespace {

LoadOptions read_options(int count, char** words) {
  Options given(count, words, 1);
  LoadOptions load;
  load.port = static_cast<std::uint16_t>(given.count("port", 0));
  load.path = given.text("path", load.path);
  load.status = static_cast<int>(given.count("status", 202));
  load.connections = given.count("connections", load.connections);
  load.body_bytes = given.count("body", load.body_bytes);
  load.requests = given.count("requests", load.requests);
  load.warmup_seconds = given.number("warmup", load.warmup_seconds);
  load.seconds = given.number("seconds", load.seconds);
  load.per_second = given.number("rate", load.per_second);
  load.connect_each = given.count("connect-each", 0) != 0;
  load.members = given.text("members", "");
  given.end();
  if (load.port == 0) throw std::runtime_error("reading the options: --port is missing");
  return load;
}

}  // namespace

int main(int count, char** words) {
  try {
    // Else each wait for the next request that is due takes up to 50 us longer, and counts.
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    auto result = run_load(read_options(count, words));
    const double per_second =
        result.seconds > 0 ? static_cast<double>(result.measured) / result.seconds : 0;
    std::printf(
        "{\"accepted\":%llu,\"failed\":%llu,\"first_failure\":\"%s\",\"seconds\":%.3f,"
        "\"per_second\":%.1f,\"answer_bytes\":%llu,%s,%s}\n",
        static_cast<unsigned long long>(result.accepted),
        static_cast<unsigned long long>(result.failed), result.first_failure.c_str(),
        result.seconds, per_second, static_cast<unsigned long long>(result.answer_bytes),
        result.latencies.json().c_str(), result.answers.json("answer_").c_str());
    return result.failed == 0 && result.accepted > 0 ? 0 : 1;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "load: %s\n", problem.what());
    return 2;
  }
}
