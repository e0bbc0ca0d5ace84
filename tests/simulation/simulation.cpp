#include "simulation.hpp"

#include <algorithm>
#include <format>

/// The schedule: what happens next, and what happens to machines and through operators.
namespace holdfast::simulation {
namespace {

using namespace std::chrono_literals;
using support::DiskVfs;

}  // namespace

Totals& Totals::operator+=(const Totals& other) {
  seeds += other.seeds;
  steps += other.steps;
  accepted += other.accepted;
  arrived += other.arrived;
  refused += other.refused;
  dead += other.dead;
  crashes += other.crashes;
  power_cuts += other.power_cuts;
  stops += other.stops;
  return *this;
}

Simulation::Simulation(std::uint64_t seed, bool prints)
    : dice_(seed),
      trace_(prints),
      weather_(dice_, world_, auditor_),
      max_size_bytes_(dice_.one_in(3) ? 1 * mib : 64 * mib) {
  totals_.seeds = 1;
}

void Simulation::run(int steps) {
  for (int i = 0; i < steps; ++i) {
    doing_.clear();
    try {
      if (world_.alive()) {
        step();
      } else {
        restart();
      }
      auditor_.look(world_);
    } catch (const Violation&) {
      trace_.line(std::format("{} {}: violated", i, doing_));
      throw;
    }
    trace_.line(std::format("{} {} rows {} stats {} clock {}", i, doing_, auditor_.rows(),
                            world_.alive() ? world_.outbox->stats().bytes : 0,
                            world_.clock.wall_now().time_since_epoch().count()));
    ++totals_.steps;
  }
  finish();
}

void Simulation::step() {
  switch (dice_.below(40)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5: return send_new();
    case 6:
    case 7:
    case 8: return send_group();
    case 9:
    case 10:
    case 11: return send_again();
    case 12: return send_conflict();
    case 13: return send_forged();
    case 14:
    case 15:
    case 16:
      weather_.change();
      doing_ += "weather " + weather_.describe();
      return;
    case 17:
      weather_.clear();
      doing_ += "fair weather";
      return;
    case 18:
    case 19:
      doing_ += "relay";
      for (int i = dice_.below(4); i >= 0 && world_.run_relay(); --i) {
      }
      return;
    case 20:
    case 21:
    case 22:
    case 23: return pass_time(1ms * dice_.below(3'000));
    case 24:
    case 25: return pass_time(1s * dice_.below(120));
    case 26: return pass_time(1min * dice_.below(600));
    case 27: return jump_clock();
    case 28: return crash();
    case 29: return cut_power();
    case 30: return stop();
    case 31:
    case 32: return arm_fault();
    case 33: return fill_disk();
    case 34: doing_ += "dies in delivery"; return weather_.die_in_delivery();
    case 35:
    case 36: return retry_or_discard();
    case 37:
    case 38: return pause_or_resume();
    default: return rest();
  }
}

Settings Simulation::some_settings() {
  static const std::vector<std::chrono::milliseconds> kept{1min, 1h, 24h};
  static const std::vector<std::uint32_t> batches{1, 3, 20, 1'000};
  Settings settings;
  settings.jitter_seed = dice_.seed();
  for (auto& source : all_sources())
    if (!dice_.one_in(8)) settings.sources.push_back(std::move(source));
  if (settings.sources.empty()) settings.sources = all_sources();
  auto& destination = settings.destination;
  destination.connections = 1 + static_cast<std::uint32_t>(dice_.below(4));
  destination.batch_entries = dice_.one_of(batches);
  if (dice_.one_in(4)) destination.drain = Drain::economy;
  auto& outbox = settings.outbox;
  outbox.max_size_bytes = max_size_bytes_;
  outbox.disk_reserve_bytes = 0;
  outbox.keep_delivered = dice_.one_of(kept);
  outbox.keep_discarded = dice_.one_of(kept);
  outbox.dedupe_window = dice_.one_of(kept);
  return settings;
}

/// Whatever ended the last process, a supervisor starts the next one.
void Simulation::restart() {
  // One that died within what it did, or left by _Exit, is still there in this thread's memory.
  if (world_.outbox) crash();
  doing_ += " start";
  const bool hurt = dice_.one_in(12);
  if (hurt) arm_fault();
  if (!world_.start(some_settings())) {
    doing_ += " failed";
    demand(hurt, "the daemon starts on a disk that is well", world_.refusal());
    return crash();
  }
  check_pauses();
  doing_ += std::format(" connections {} batch {} {}", world_.settings().destination.connections,
                        world_.settings().destination.batch_entries,
                        world_.settings().destination.drain == Drain::economy ? "economy" : "");
}

/// Some call of the disk will fail soon, once or from then on.
void Simulation::arm_fault() {
  struct Fault {
    DiskVfs::Call call;
    DiskVfs::Target target;
    int code;
  };
  using enum DiskVfs::Call;
  using enum DiskVfs::Target;
  static const std::vector<Fault> faults{
      {write, wal, SQLITE_IOERR_WRITE},       {write, wal, SQLITE_FULL},
      {sync, wal, SQLITE_IOERR_FSYNC},        {sync, wal, SQLITE_IOERR_FSYNC},
      {write, database, SQLITE_IOERR_WRITE},  {sync, database, SQLITE_IOERR_FSYNC},
      {truncate, wal, SQLITE_IOERR_TRUNCATE}, {read, wal, SQLITE_IOERR_READ},
      {read, database, SQLITE_IOERR_READ},    {write, database, SQLITE_FULL}};
  const auto fault = dice_.one_of(faults);
  const int passes = dice_.one_in(2) ? dice_.below(4) : dice_.below(60);
  world_.disk.fail(fault.call, fault.target, fault.code, passes, dice_.one_in(2));
  disk_bad_ = true;
  doing_ += std::format(" fault {} after {}", fault.code, passes);
}

void Simulation::fill_disk() {
  doing_ += "disk ";
  world_.disk.heal();
  disk_bad_ = dice_.one_in(2);
  if (disk_bad_) world_.disk.set_room(static_cast<std::uint64_t>(dice_.below(2'000'000)));
  doing_ += disk_bad_ ? "full" : "well";
}

void Simulation::jump_clock() {
  static const std::vector<std::chrono::milliseconds> jumps{1s, 1min, 25h,
                                                            std::chrono::hours(24 * 366 * 3)};
  auto jump = dice_.one_of(jumps);
  if (dice_.one_in(2)) jump = -jump;
  world_.clock.jump_wall(jump);
  doing_ += std::format("clock {} s", jump / 1s);
}

/// A fault of the disk was one of this process; the next one may find the disk well.
void Simulation::crash() {
  doing_ += " crash";
  world_.crash();
  world_.disk.heal();
  disk_bad_ = false;
  ++totals_.crashes;
  if (dice_.one_in(4)) jump_clock();
}

void Simulation::cut_power() {
  doing_ += " power cut";
  // Nothing of what was not synced, all of it, or any of it.
  world_.cut_power(dice_.one_in(3) ? static_cast<std::uint64_t>(dice_.below(2)) : dice_.seed());
  world_.disk.heal();
  disk_bad_ = false;
  ++totals_.power_cuts;
  if (dice_.one_in(4)) jump_clock();
}

void Simulation::stop() {
  doing_ += "stop";
  world_.stop();
  world_.disk.heal();
  disk_bad_ = false;
  ++totals_.stops;
}

void Simulation::pass_time(std::chrono::milliseconds time) {
  doing_ += std::format("time {}", time.count());
  world_.pass_time(time);
}

void Simulation::retry_or_discard() {
  const bool retries = !dice_.one_in(4);
  const auto ids =
      auditor_.ids_in(retries || dice_.one_in(2) ? EntryState::dead : EntryState::pending);
  doing_ += std::format("operator {} of {}", retries ? "retry" : "discard", ids.size());
  if (ids.empty()) return;
  const auto& id = dice_.one_of(ids);
  const auto to = retries ? EntryState::pending : EntryState::discarded;
  const auto changed = retries ? world_.outbox->change(EntryAction::retry, id)
                               : world_.outbox->change(EntryAction::discard, id);
  if (!changed) {
    demand(disk_bad_ || !world_.alive(), "an operator's change is made while the disk is well",
           changed.error().message);
    // It may be on the disk all the same, and come to light at the next start.
    auditor_.operator_asked(id, to);
    return;
  }
  demand(changed->changed, "a dead entry can be retried or discarded");
  auditor_.operator_changed(id, to);
}

void Simulation::pause_or_resume() {
  if (dice_.one_in(2)) return resume_all();
  std::optional<std::string> source;
  if (!dice_.one_in(3)) source = dice_.one_of(names_of(world_.settings().sources));
  doing_ += "operator pauses " + source.value_or("everything");
  set_pause(source, true);
}

void Simulation::resume_all() {
  doing_ += "operator resumes";
  for (const auto& source : std::set(paused_)) set_pause(source, false);
  if (all_paused_) set_pause({}, false);
  world_.woke();
}

void Simulation::set_pause(const std::optional<std::string>& source, bool paused) {
  const bool was = source ? paused_.contains(*source) : all_paused_;
  const auto changed = paused ? world_.relay->pause(source) : world_.relay->resume(source);
  if (!changed) {
    demand(disk_bad_ || !world_.alive(), "a pause is kept while the disk is well",
           changed.error().message);
    doubtful_pauses_.insert(source.value_or(""));
    return;
  }
  // What failed before may be on the disk all the same.
  const bool doubtful = doubtful_pauses_.erase(source.value_or("")) > 0;
  demand(doubtful || *changed == (was != paused), "a pause tells whether it was new");
  note_pause(source, paused);
}

void Simulation::note_pause(const std::optional<std::string>& source, bool paused) {
  auditor_.operator_paused(source, paused);
  if (!source) {
    all_paused_ = paused;
  } else if (paused) {
    paused_.insert(*source);
  } else {
    paused_.erase(*source);
  }
}

/// An operator's pause outlives the process, whatever ended it.
void Simulation::check_pauses() {
  const auto kept = world_.outbox->pauses();
  if (!kept) return demand(disk_bad_, "the pauses can be read while the disk is well");
  std::set<std::string> there;
  for (const auto& pause : *kept) there.insert(pause.source.value_or(""));
  const auto compare = [&](const std::optional<std::string>& source, bool was) {
    const auto name = source.value_or("");
    if (there.contains(name) == was) return;
    demand(doubtful_pauses_.contains(name), "a pause survives the process, and so does its end",
           name);
    note_pause(source, !was);
  };
  compare({}, all_paused_);
  for (const auto& source : all_sources()) compare(source.name, paused_.contains(source.name));
  doubtful_pauses_.clear();
}

}  // namespace holdfast::simulation
