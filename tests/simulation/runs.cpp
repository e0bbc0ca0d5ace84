#include "runs.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <format>

#include "holdfast/clock.hpp"

namespace holdfast::simulation {
namespace {

constexpr std::uint64_t seeds_a_child = 25;

std::optional<std::uint64_t>& wanted() {
  static std::optional<std::uint64_t> seed;
  return seed;
}

/// What a child tells of one seed; its violation follows.
struct Report {
  std::uint64_t seed = 0;
  bool begins = false;  ///< Nothing is known of it yet.
  Totals totals;
  std::size_t violation_bytes = 0;
};

void tell(int pipe, Report report, const std::string& violation) {
  report.violation_bytes = violation.size();
  const bool told =
      ::write(pipe, &report, sizeof report) == static_cast<ssize_t>(sizeof report) &&
      ::write(pipe, violation.data(), violation.size()) == static_cast<ssize_t>(violation.size());
  if (!told) ::_exit(2);
}

[[noreturn]] void be_child(int pipe, std::uint64_t first, std::uint64_t count, int steps) {
  for (auto seed = first; seed < first + count; ++seed) {
    tell(pipe, {.seed = seed, .begins = true, .totals = {}}, "");
    const auto run = run_seed(seed, steps, false);
    tell(pipe, {.seed = seed, .begins = false, .totals = run.totals}, run.violation.value_or(""));
    if (run.violation) break;
  }
  std::fflush(nullptr);
  ::_exit(0);
}

bool read_all(int pipe, void* to, std::size_t bytes) {
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const auto got = ::read(pipe, at, bytes);
    if (got <= 0) return false;
    at += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

/// Reads what a child tells until it is gone.
void listen(int pipe, Runs& runs) {
  std::optional<std::uint64_t> begun;
  Report report;
  while (read_all(pipe, &report, sizeof report)) {
    std::string violation(report.violation_bytes, '\0');
    if (!read_all(pipe, violation.data(), violation.size())) break;
    if (report.begins) {
      begun = report.seed;
      continue;
    }
    begun.reset();
    runs.totals += report.totals;
    if (violation.empty()) continue;
    runs.failed_seed = report.seed;
    runs.violation = violation;
  }
  if (!begun) return;
  runs.failed_seed = begun;
  runs.violation = "the process ended";
}

}  // namespace

Run run_seed(std::uint64_t seed, int steps, bool prints) {
  Run run;
  Simulation simulation(seed, prints);
  try {
    simulation.run(steps);
  } catch (const std::exception& error) {
    run.violation = error.what();
  }
  run.totals = simulation.totals();
  run.hash = simulation.hash();
  return run;
}

Runs run_seeds(std::uint64_t first, std::uint64_t count, int steps, std::chrono::seconds time_max) {
  Runs runs;
  const auto end = SystemClock().steady_now() + time_max;
  for (std::uint64_t done = 0; done < count && !runs.failed_seed; done += seeds_a_child) {
    if (SystemClock().steady_now() >= end) break;
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("making a pipe failed");
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      be_child(ends[1], first + done, std::min(seeds_a_child, count - done), steps);
    }
    ::close(ends[1]);
    if (child > 0) listen(ends[0], runs);
    ::close(ends[0]);
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child)
      throw std::runtime_error("running a child failed");
  }
  return runs;
}

std::optional<std::uint64_t> seed_wanted() {
  if (wanted()) return wanted();
  if (const char* text = std::getenv("HOLDFAST_SEED")) return std::strtoull(text, nullptr, 10);
  return std::nullopt;
}

void want_seed(std::uint64_t seed) {
  wanted() = seed;
}

}  // namespace holdfast::simulation
