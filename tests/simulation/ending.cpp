#include <sqlite3.h>

#include <format>

#include "simulation.hpp"

/// How every run ends: all faults off, and everything accepted arrives, exactly once.
namespace holdfast::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto drain_max = 3h;

}  // namespace

void Simulation::finish() {
  doing_.clear();
  weather_.clear();
  if (world_.alive()) stop();
  auto settings = some_settings();
  settings.sources = all_sources();
  // Room for what operators make pending again and for its outcomes.
  settings.outbox.max_size_bytes = 64 * mib;
  world_.disk.heal();
  disk_bad_ = false;
  world_.crash();
  demand(world_.start(settings), "the daemon starts on a disk that is well", world_.refusal());
  check_pauses();
  resume_all();
  auditor_.look(world_);
  weather_.mend_server();
  drain();
  auditor_.look_at_the_end(world_);
  totals_.dead += auditor_.ids_in(EntryState::dead).size();
  weather_.mend();
  retry_all_dead();
  drain();
  auditor_.look_at_the_end(world_);
  rest();
  totals_.arrived = auditor_.rows();
  trace_.line(std::format("end {} accepted {} arrived {} dead {}", doing_, totals_.accepted,
                          totals_.arrived, totals_.dead));
  check_file();
}

/// Time passes until nothing is pending.
void Simulation::drain() {
  const auto pending = [&] {
    return world_.outbox->stats().entries[static_cast<std::size_t>(EntryState::pending)];
  };
  for (auto passed = 0s; pending() > 0; passed += 30s) {
    demand(passed < drain_max, "in the end nothing is pending",
           std::format("{} entries are", pending()));
    world_.pass_time(30s);
    demand(world_.alive(), "nothing breaks while the disk is well");
    auditor_.look(world_);
  }
}

void Simulation::retry_all_dead() {
  for (const auto& id : auditor_.ids_in(EntryState::dead)) {
    const auto changed = world_.outbox->change(EntryAction::retry, id);
    demand(changed && changed->changed, "a dead entry can be retried");
    auditor_.operator_changed(id, EntryState::pending);
  }
  auditor_.look(world_);
}

/// With nothing pending nobody talks to Postgres, and no session stays open.
void Simulation::rest() {
  doing_ += "rest";
  const auto pending = [&] {
    return world_.outbox->stats().entries[static_cast<std::size_t>(EntryState::pending)];
  };
  if (pending() > 0) return world_.pass_time(1s);
  world_.pass_time(world_.settings().destination.idle_close);
  demand(!world_.alive() || !world_.connected(), "no session stays open beyond idle_close");
  const auto calls = world_.destination.calls_made();
  world_.pass_time(2h);
  demand(world_.destination.calls_made() == calls, "with nothing to deliver nothing is sent");
}

/// The file as any other program finds it.
void Simulation::check_file() {
  world_.stop();
  sqlite3* database = nullptr;
  demand(
      sqlite3_open_v2(world_.path().c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK,
      "the file can be opened");
  std::string found;
  const auto keep = [](void* text, int, char** values, char**) {
    *static_cast<std::string*>(text) += values[0];
    return 0;
  };
  sqlite3_exec(database, "PRAGMA integrity_check", keep, &found, nullptr);
  sqlite3_exec(database,
               "SELECT count(*) FROM entry LEFT JOIN payload USING (seq) "
               "WHERE payload_kept <> (payload.seq IS NOT NULL)",
               keep, &found, nullptr);
  sqlite3_exec(database, "SELECT count(*) FROM payload WHERE seq NOT IN (SELECT seq FROM entry)",
               keep, &found, nullptr);
  sqlite3_close(database);
  demand(found == "ok00", "the file is whole", found);
}

}  // namespace holdfast::simulation
