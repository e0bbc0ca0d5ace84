#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auditor.hpp"
#include "dice.hpp"
#include "trace.hpp"
#include "weather.hpp"
#include "world.hpp"

namespace holdfast::simulation {

/// What one or more runs came to.
struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t steps = 0;
  std::uint64_t accepted = 0;  ///< Answers 2xx.
  std::uint64_t arrived = 0;   ///< Rows in Postgres.
  std::uint64_t refused = 0;   ///< Answers 503.
  std::uint64_t dead = 0;
  std::uint64_t crashes = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t stops = 0;
  Totals& operator+=(const Totals& other);
};

/// One life of an outbox, made up from a seed: senders, disks, clocks, Postgres, operators and
/// power supplies do what they like, and after each step all promises are looked at.
class Simulation {
 public:
  Simulation(std::uint64_t seed, bool prints);

  /// A Violation leaves it where it happened.
  void run(int steps);
  [[nodiscard]] const Totals& totals() const { return totals_; }
  [[nodiscard]] std::uint64_t hash() const { return trace_.hash(); }

 private:
  void step();
  // What senders do: senders_at_work.cpp.
  [[nodiscard]] Write new_write();
  [[nodiscard]] std::vector<Write> known_writes();
  void post(const Write& write);
  void check_refused(const Write& write, int status, bool could_store);
  void send_new();
  void send_group();
  void send_again();
  void send_conflict();
  void send_forged();
  // What happens to machines: simulation.cpp.
  [[nodiscard]] Settings some_settings();
  void restart();
  void arm_fault();
  void fill_disk();
  void jump_clock();
  void crash();
  void cut_power();
  void stop();
  void pass_time(std::chrono::milliseconds time);
  // What operators do: simulation.cpp.
  void retry_or_discard();
  void pause_or_resume();
  void resume_all();
  void set_pause(const std::optional<std::string>& source, bool paused);
  void note_pause(const std::optional<std::string>& source, bool paused);
  void check_pauses();
  // The end: ending.cpp.
  void finish();
  void drain();
  void retry_all_dead();
  void rest();
  void check_file();

  Dice dice_;
  Trace trace_;
  Totals totals_;
  World world_;
  Auditor auditor_;
  Weather weather_;
  std::string doing_;          ///< The line of the trace for this step.
  std::vector<Write> writes_;  ///< Everything ever sent.
  int number_ = 0;
  std::uint64_t max_size_bytes_;
  bool disk_bad_ = false;  ///< A fault is armed, or the disk is full.
  bool all_paused_ = false;
  std::set<std::string> paused_;
  std::set<std::string> doubtful_pauses_;  ///< Their change failed; "": of everything.
};

}  // namespace holdfast::simulation
