#include "outbox/key_runs.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/check.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

/// A step makes up to four blocks of those that lie in the same place of each input.
constexpr unsigned blocks_a_step_bits = 2;
/// Blocks deleted at once, and the rows that this counts as.
constexpr std::int64_t deleted_at_once = 16;
constexpr std::size_t deletion_rows = 512;

bool is_half_gone(std::int64_t gone, std::int64_t keys) {
  return gone > 0 && gone >= keys - gone;
}

std::int64_t sum_of(std::span<const KeyRun> runs, std::int64_t KeyRun::* number) {
  std::int64_t sum = 0;
  for (const auto& run : runs) sum += run.*number;
  return sum;
}

unsigned less(unsigned bits, unsigned by) {
  return bits - std::min(bits, by);
}

}  // namespace

KeyRuns::KeyRuns(SQLite::Database& database)
    : reader_(database),
      write_block_(database, "INSERT OR ROLLBACK INTO key_block VALUES (?, ?)"),
      delete_blocks_(database, "DELETE FROM key_block WHERE id BETWEEN ? AND ?"),
      add_run_(database,
               "INSERT INTO key_run (id, level, first_seq, last_seq, block_bits, keys, gone) "
               "VALUES (?, ?, ?, ?, ?, ?, ?)"),
      delete_run_(database, "DELETE FROM key_run WHERE id = ?"),
      count_gone_(database, "UPDATE key_run SET gone = gone + 1 WHERE id = ?"),
      next_block_(database, "SELECT id FROM key_block WHERE id >= ? ORDER BY id LIMIT 1"),
      first_entry_(database, "SELECT min(seq) FROM entry"),
      find_entry_(database, "SELECT 1 FROM entry WHERE seq = ?") {
  state_.runs = reader_.load();
  for (const auto& run : state_.runs) next_id_ = std::max(next_id_, run.id + 1);
  find_waste();
}

/// Blocks of runs that a stop left half written, or half deleted.
void KeyRuns::find_waste() {
  std::int64_t from = std::numeric_limits<std::int64_t>::min();
  for (;;) {
    Use next(next_block_, from);
    if (!next.step()) return;
    const auto id = run_of_key_block(next.column(0).getInt64());
    if (std::ranges::find(state_.runs, id, &KeyRun::id) == state_.runs.end())
      state_.waste.push_back({id, 0, std::size_t{1} << 32U});
    next_id_ = std::max(next_id_, id + 1);
    from = key_block_id(id + 1, 0);
  }
}

KeyRuns::State& KeyRuns::change() {
  if (!changed_) before_ = state_;
  changed_ = true;
  return state_;
}

void KeyRuns::rolled_back() noexcept {
  if (changed_) std::swap(state_, before_);
  changed_ = false;
  plan_due_ = true;
}

void KeyRuns::find(std::int64_t hash, std::vector<std::int64_t>& seqs) {
  for (const auto& run : state_.runs) reader_.find(run, hash, seqs);
}

void KeyRuns::read(unsigned bits, std::size_t prefix, KeyRows::Part& rows) {
  for (const auto& run : state_.runs) reader_.read(run, bits, prefix, rows);
}

void KeyRuns::write_block(std::int64_t run, std::size_t block, std::span<const KeyRows::Row> rows) {
  const auto bytes = encode_key_block(rows);
  outbox::run(write_block_, key_block_id(run, block), Blob{bytes});
}

void KeyRuns::add(const KeyRun& run) {
  auto& state = change();
  plan_due_ = true;
  if (run.keys == 0) {
    state.waste.push_back({run.id, 0, run.blocks()});
    return;
  }
  outbox::run(add_run_, run.id, run.level, run.first_seq, run.last_seq,
              std::int64_t{run.block_bits}, run.keys, run.gone);
  state.runs.insert(std::ranges::upper_bound(state.runs, run.first_seq, {}, &KeyRun::first_seq),
                    run);
}

KeyRun& KeyRuns::run_with(std::int64_t id) {
  const auto found = std::ranges::find(state_.runs, id, &KeyRun::id);
  HOLDFAST_CHECK(found != state_.runs.end(), "a run of keys is merged that is not there");
  return *found;
}

void KeyRuns::removed(std::int64_t hash, std::int64_t seq) {
  for (auto& run : change().runs) {
    if (seq < run.first_seq || seq > run.last_seq) continue;
    ++run.gone;
    plan_due_ = plan_due_ || is_half_gone(run.gone, run.keys);
    outbox::run(count_gone_, run.id);
    for (auto& job : state_.jobs)
      if (job.drops_gone && std::ranges::contains(job.inputs, run.id) &&
          key_prefix(hash, job.step_bits) < job.next_step)
        ++job.output.gone;
    return;
  }
}

bool KeyRuns::is_free(const KeyRun& run) const {
  return std::ranges::none_of(
      state_.jobs, [&](const Job& job) { return std::ranges::contains(job.inputs, run.id); });
}

/// The oldest of the lowest level that has enough, or one that is half gone. Runs of one level are
/// neighbours, since none has a higher level than an older one; one that is being written anew
/// keeps its place among them.
KeyRuns::Inputs KeyRuns::next_inputs() const {
  const auto lowest = state_.runs.empty() ? 0 : state_.runs.back().level;
  const auto highest = state_.runs.empty() ? 0 : state_.runs.front().level;
  for (auto level = lowest; level <= highest; ++level) {
    Inputs inputs;
    for (const auto& run : state_.runs)
      if (run.level == level && inputs.count < merged_at_once) inputs.runs[inputs.count++] = run;
    if (inputs.count == merged_at_once &&
        std::ranges::all_of(inputs.runs, [&](const KeyRun& run) { return is_free(run); }))
      return inputs;
  }
  for (const auto& run : state_.runs)
    if (is_half_gone(run.gone, run.keys) && is_free(run)) return {{run}, 1};
  return {};
}

void KeyRuns::plan() {
  plan_due_ = false;
  for (auto inputs = next_inputs(); inputs.count > 0; inputs = next_inputs()) begin_job(inputs);
}

void KeyRuns::begin_job(const Inputs& found) {
  const auto inputs = found.all();
  const auto keys = sum_of(inputs, &KeyRun::keys);
  const auto gone = std::min(sum_of(inputs, &KeyRun::gone), keys);
  Job job;
  for (const auto& run : inputs) job.inputs.push_back(run.id);
  job.drops_gone = is_half_gone(gone, keys);
  const auto kept = static_cast<std::size_t>(job.drops_gone ? keys - gone : keys);
  const unsigned bits = std::ranges::max_element(inputs, {}, &KeyRun::block_bits)->block_bits;
  job.output = {.id = new_id(),
                .level = inputs[0].level + (inputs.size() > 1 ? 1 : 0),
                .first_seq = inputs.front().first_seq,
                .last_seq = inputs.back().last_seq,
                // A step makes whole blocks, and must stay short where little is left.
                .block_bits = std::max(block_bits_for(kept), less(bits, blocks_a_step_bits))};
  job.step_bits =
      std::clamp(bits, less(job.output.block_bits, blocks_a_step_bits), job.output.block_bits);
  change().jobs.push_back(std::move(job));
}

std::size_t KeyRuns::work(std::size_t rows_max) {
  std::size_t rows = 0;
  for (;;) {
    if (plan_due_) plan();
    const auto cost = cost_of_next();
    if (cost == 0 || rows + cost > rows_max) return rows;
    do_next();
    rows += cost;
  }
}

/// Of the lowest level: its runs become more the faster.
std::vector<KeyRuns::Job>::iterator KeyRuns::next_job() {
  return std::ranges::min_element(state_.jobs, {}, [](const Job& job) { return job.output.level; });
}

std::size_t KeyRuns::cost_of_next() {
  // Waste first, whose pages the merges can have.
  if (!state_.waste.empty()) return deletion_rows;
  const auto job = next_job();
  if (job == state_.jobs.end()) return 0;
  std::int64_t keys = 0;
  for (const auto id : job->inputs) keys += run_with(id).keys;
  return std::min(static_cast<std::size_t>(keys) / job->steps() + 1, step_rows_max);
}

void KeyRuns::do_next() {
  change();
  if (!state_.waste.empty()) {
    delete_waste();
    return;
  }
  const auto job = next_job();
  step(*job);
  if (job->next_step == job->steps()) finish(job);
}

void KeyRuns::step(Job& job) {
  rows_.clear();
  for (const auto id : job.inputs) reader_.read(run_with(id), job.step_bits, job.next_step, rows_);
  if (job.drops_gone) drop_gone(rows_);
  write(job);
  ++job.next_step;
}

/// What is below the first entry is gone without a look at it: so goes most.
void KeyRuns::drop_gone(KeyRows::Part& rows) {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  {
    Use find(first_entry_);
    if (find.step() && !find.is_null(0)) first = find.column(0).getInt64();
  }
  // In the order of the table: the rows of a page come together.
  std::ranges::sort(rows, {}, &KeyRows::Row::second);
  std::erase_if(rows, [&](const KeyRows::Row& row) {
    if (row.second < first) return true;
    Use find(find_entry_, row.second);
    return !find.step();
  });
}

void KeyRuns::write(Job& job) {
  const unsigned bits = job.output.block_bits - job.step_bits;
  parts_.resize(std::max(parts_.size(), std::size_t{1} << bits));
  for (auto& part : parts_) part.clear();
  const auto first = job.next_step << bits;
  for (const auto& row : rows_) parts_[job.output.block_of(row.first) - first].push_back(row);
  for (std::size_t i = 0; i < std::size_t{1} << bits; ++i)
    write_block(job.output.id, first + i, parts_[i]);
  job.output.keys += static_cast<std::int64_t>(rows_.size());
}

void KeyRuns::finish(std::vector<Job>::iterator done) {
  const auto job = std::move(*done);
  state_.jobs.erase(done);
  auto output = job.output;
  plan_due_ = true;
  for (const auto id : job.inputs) {
    const auto input = run_with(id);
    if (!job.drops_gone) output.gone += input.gone;
    outbox::run(delete_run_, id);
    state_.waste.push_back({id, 0, input.blocks()});
    std::erase(state_.runs, input);
  }
  add(output);
}

void KeyRuns::delete_waste() {
  auto& waste = state_.waste.back();
  // Of a run that a stop left behind, what is left is known by looking.
  const auto end = key_block_id(waste.run, waste.blocks);
  auto from = key_block_id(waste.run, waste.next_block);
  {
    Use next(next_block_, from);
    from = next.step() ? std::min(next.column(0).getInt64(), end) : end;
  }
  const auto to = std::min(from + deleted_at_once, end);
  if (from < to) outbox::run(delete_blocks_, from, to - 1);
  waste.next_block = static_cast<std::size_t>(to - key_block_id(waste.run, 0));
  if (to == end) state_.waste.pop_back();
}

}  // namespace holdfast::outbox
