#include "postgres/statement_check.hpp"

#include "postgres/command_session.hpp"
#include "postgres/declared_statement.hpp"
#include "postgres/limits.hpp"

namespace holdfast::postgres {
namespace {

using Faults = std::vector<StatementFault>;

/// Reading a statement asks for no privilege; planning it does, and runs nothing either. Anything
/// else that planning may say of parameters that are all null says nothing about the statement.
std::expected<std::optional<SqlError>, SqlError> missing_privilege(
    Session& session, const DeclaredStatement& statement, SteadyTime deadline) {
  const std::string explained = "EXPLAIN " + statement.text;
  PipelineStep step{&explained, {}, {}};
  step.values.resize(statement.selectors.size());
  const auto planned = session.run_pipeline(std::span(&step, 1), deadline);
  if (planned) return std::nullopt;
  if (planned.error().error.session_dead) return std::unexpected(planned.error().error);
  if (planned.error().error.sqlstate != "42501") return std::nullopt;
  return planned.error().error;
}

/// Describes one statement and rolls back. An error is only that of a session which cannot go on.
std::expected<std::optional<SqlError>, SqlError> fault_of(Session& session,
                                                          const DeclaredStatement& statement,
                                                          const Clock& clock, SteadyTime deadline) {
  const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline - clock.steady_now());
  if (const auto begun = session.run(begin_statement(left), deadline); !begun)
    return std::unexpected(begun.error());
  const auto described = describe_statement(session, statement, deadline);
  if (!described && described.error().session_dead) return std::unexpected(described.error());
  std::optional<SqlError> fault;
  if (described) {
    const auto missing = missing_privilege(session, statement, deadline);
    if (!missing) return std::unexpected(missing.error());
    fault = *missing;
  } else {
    fault = described.error();
  }
  if (const auto ended = session.run("ROLLBACK", deadline); !ended)
    return std::unexpected(ended.error());
  return fault;
}

}  // namespace

std::expected<std::vector<StatementFault>, Failure> check_statements(
    const DestinationConfig& config, std::span<const SourceConfig> sources, const Clock& clock) {
  std::vector<std::vector<DeclaredStatement>> declared;
  for (const auto& source : sources) {
    auto statements = read_statements(source);
    if (!statements) return std::unexpected(statements.error());
    declared.push_back(std::move(*statements));
  }
  const auto check = [&](Session& session, SteadyTime deadline) -> std::expected<Faults, SqlError> {
    Faults faults;
    for (std::size_t i = 0; i < sources.size(); ++i)
      for (std::size_t s = 0; s < declared[i].size(); ++s) {
        const auto fault = fault_of(session, declared[i][s], clock, deadline);
        if (!fault) return std::unexpected(fault.error());
        if (*fault)
          faults.push_back({sources[i].name, s + 1, sources[i].statements[s].line,
                            (*fault)->sqlstate,
                            without_values((*fault)->sqlstate, (*fault)->message)});
      }
    return faults;
  };
  return with_session("checking the statements", config, clock, check);
}

}  // namespace holdfast::postgres
