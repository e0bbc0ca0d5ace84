#include "postgres/source_writes.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "postgres/statement_values.hpp"

namespace holdfast::postgres {
namespace {

/// Steps on their way, sent when there are enough of them. The step of a failure is the number of
/// its statement.
class Pipeline {
 public:
  Pipeline(Session& session, SteadyTime deadline) : session_(session), deadline_(deadline) {}

  std::expected<void, PipelineError> add(PipelineStep step, std::size_t statement) {
    for (const auto& value : step.values) bytes_ += value ? value->size() : 0;
    steps_.push_back(std::move(step));
    statements_.push_back(statement);
    if (steps_.size() < pipeline_steps_max && bytes_ < pipeline_bytes_max) return {};
    return send();
  }
  std::expected<void, PipelineError> send() {
    if (steps_.empty()) return {};
    const auto done = session_.run_pipeline(steps_, deadline_);
    if (!done) {
      PipelineError failed = done.error();
      failed.step = statements_[failed.step];
      return std::unexpected(std::move(failed));
    }
    steps_.clear();
    statements_.clear();
    bytes_ = 0;
    return {};
  }

 private:
  Session& session_;
  SteadyTime deadline_;
  std::vector<PipelineStep> steps_;
  std::vector<std::size_t> statements_;
  std::size_t bytes_ = 0;
};

}  // namespace

/// The writes of one source for one batch.
class SourceWrites::Run {
 public:
  Run(Session& session, Source& source, SteadyTime now, SteadyTime deadline)
      : session_(session), source_(source), now_(now), deadline_(deadline) {}

  void add(const Entry& entry, const Payload& payload) {
    entries_.push_back(&entry);
    values_.emplace_back(entry, payload);
  }
  [[nodiscard]] bool empty() const {
    return entries_.empty() ||
           (source_.operations == Operations::none && source_.statements.empty());
  }

  std::expected<void, WriteFailure> write(const OperationsWriter& operations) {
    if (source_.operations != Operations::none)
      if (auto done = operations.write(session_, source_.operations, entries_, deadline_); !done)
        return std::unexpected(WriteFailure{done.error(), source_.name});
    select();
    if (auto described = describe(); !described) return described;
    const bool together =
        now_ >= source_.one_by_one_until && entries_.size() > 1 && tables_differ();
    auto done = together ? run_together() : run_one_by_one();
    // The columns may have changed their types, and values of old types be the very reason.
    if (!done) source_.forget_descriptions();
    return done;
  }

 private:
  using Done = std::expected<void, PipelineError>;

  /// Which entries each statement is for.
  void select() {
    for (const auto& statement : source_.statements) {
      auto& chosen = chosen_.emplace_back(entries_.size(), true);
      if (!statement.when) continue;
      for (std::size_t i = 0; i < entries_.size(); ++i)
        chosen[i] = values_[i].holds(*statement.when);
    }
  }
  [[nodiscard]] bool is_needed(std::size_t statement) const {
    return std::ranges::contains(chosen_[statement], true);
  }

  std::expected<void, WriteFailure> describe() {
    if (now_ - source_.described_at >= description_age_max) {
      source_.forget_descriptions();
      source_.described_at = now_;
    }
    for (std::size_t s = 0; s < source_.statements.size(); ++s) {
      if (source_.descriptions[s] || !is_needed(s)) continue;
      auto described = describe_statement(session_, source_.statements[s], deadline_);
      if (!described)
        return std::unexpected(WriteFailure{described.error(), source_.name, s + 1,
                                            source_.statements[s].text, false, false, false});
      source_.descriptions[s] = std::move(*described);
    }
    return {};
  }

  /// Statements on one table, run one after the other for all entries, would mix their rows.
  [[nodiscard]] bool tables_differ() const {
    std::set<std::uint32_t> tables;
    for (std::size_t s = 0; s < source_.statements.size(); ++s) {
      if (!is_needed(s)) continue;
      const auto& table = source_.descriptions[s]->batch_table;
      if (!table || !tables.insert(*table).second) return false;
    }
    return true;
  }

  std::expected<void, WriteFailure> run_together() {
    std::vector<std::vector<std::uint32_t>> types(source_.statements.size());
    Pipeline pipeline(session_, deadline_);
    Done done;
    for (std::size_t s = 0; done && s < source_.statements.size(); ++s) {
      if (!is_needed(s)) continue;
      for (const auto& type : source_.descriptions[s]->types) types[s].push_back(type.array_oid);
      done = pipeline.add({&source_.statements[s].batch_text, types[s], arrays(s)}, s + 1);
    }
    if (done) done = pipeline.send();
    if (done) return {};
    const std::string& code = done.error().error.sqlstate;
    const bool helps = code == "21000" || (code == "23503" && source_.statements.size() > 1);
    if (helps) source_.one_by_one_until = now_ + one_by_one_time;
    return std::unexpected(failure_of(done.error(), helps));
  }

  [[nodiscard]] WriteFailure failure_of(const PipelineError& failed, bool again_helps) const {
    WriteFailure failure;
    failure.error = failed.error;
    failure.source = source_.name;
    failure.statement = failed.step;
    failure.text = source_.statements[failed.step - 1].text;
    failure.too_slow = failed.too_slow;
    failure.again_helps = again_helps;
    return failure;
  }

  /// A parameter is an array of what the chosen entries have.
  std::vector<std::optional<std::string>> arrays(std::size_t s) {
    const auto& selectors = source_.statements[s].selectors;
    const auto& types = source_.descriptions[s]->types;
    std::vector<std::optional<std::string>> columns;
    for (std::size_t n = 0; n < selectors.size(); ++n) {
      ArrayLiteral column(types[n].delimiter);
      for (std::size_t i = 0; i < entries_.size(); ++i)
        if (chosen_[s][i]) column.add(values_[i].value(selectors[n], types[n]));
      columns.emplace_back(column.text());
    }
    return columns;
  }

  std::expected<void, WriteFailure> run_one_by_one() {
    Pipeline pipeline(session_, deadline_);
    Done done;
    for (std::size_t i = 0; done && i < entries_.size(); ++i)
      for (std::size_t s = 0; done && s < source_.statements.size(); ++s)
        if (chosen_[s][i]) done = pipeline.add(step(s, i), s + 1);
    if (done) done = pipeline.send();
    if (done) return {};
    return std::unexpected(failure_of(done.error(), false));
  }

  PipelineStep step(std::size_t s, std::size_t i) {
    const auto& statement = source_.statements[s];
    PipelineStep step{&statement.text, {}, {}};
    for (std::size_t n = 0; n < statement.selectors.size(); ++n)
      step.values.push_back(
          values_[i].value(statement.selectors[n], source_.descriptions[s]->types[n]));
    return step;
  }

  Session& session_;
  Source& source_;
  SteadyTime now_;
  SteadyTime deadline_;
  std::vector<const Entry*> entries_;
  std::vector<EntryValues> values_;
  std::vector<std::vector<bool>> chosen_;  ///< By statement, then by entry.
};

std::expected<SourceWrites, Failure> SourceWrites::create(const std::string& schema,
                                                          std::span<const SourceConfig> sources) {
  SourceWrites writes(schema);
  for (const auto& config : sources) {
    auto statements = read_statements(config);
    if (!statements) return std::unexpected(statements.error());
    writes.sources_.push_back({config.name, config.operations, std::move(*statements), {}, {}, {}});
    writes.sources_.back().forget_descriptions();
  }
  return writes;
}

std::expected<std::vector<std::string>, WriteFailure> SourceWrites::run(
    Session& session, std::span<const Entry> batch, std::span<const Payload> payloads,
    std::span<const std::size_t> added, SteadyTime now, SteadyTime deadline) {
  std::vector<std::string> wrote;
  for (auto& source : sources_) {
    Run run(session, source, now, deadline);
    for (const std::size_t i : added)
      if (batch[i].source == source.name) run.add(batch[i], payloads[i]);
    if (run.empty()) continue;
    if (auto done = run.write(operations_); !done) return std::unexpected(std::move(done.error()));
    wrote.push_back(source.name);
  }
  return wrote;
}

void SourceWrites::forget_descriptions() {
  for (auto& source : sources_) source.forget_descriptions();
}

}  // namespace holdfast::postgres
