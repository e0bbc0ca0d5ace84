#include <algorithm>
#include <format>

#include "cli/doctor.hpp"
#include "postgres/statement_check.hpp"

namespace holdfast::cli {
namespace {

void check_statements(const Config& config, const Clock& clock, Checks& checks) {
  std::size_t count = 0;
  for (const auto& source : config.sources) count += source.statements.size();
  if (count == 0) return;
  const auto faults = postgres::check_statements(config.destination, config.sources, clock);
  if (!faults) {
    checks.push_back({"statements", Verdict::fail, faults.error().message,
                      "run \"holdfast validate --database\""});
    return;
  }
  if (faults->empty())
    checks.push_back({"statements", Verdict::ok,
                      count == 1
                          ? "Postgres would run the one that is declared"
                          : std::format("Postgres would run all {} that are declared", count),
                      ""});
  for (const auto& fault : *faults)
    checks.push_back(
        {"statements", Verdict::fail,
         std::format("Postgres refuses statement {} of source {}: {} (SQLSTATE {})",
                     fault.statement, fault.source, fault.message, fault.sqlstate),
         fault.line == 0
             ? "mend the table or the statement"
             : std::format("mend the table, or line {} of the configuration", fault.line)});
}

}  // namespace

void check_postgres(const Config& config, const Clock& clock, Checks& checks) {
  if (config.destination.url.empty()) {
    checks.push_back({"Postgres", Verdict::warn, "no destination is configured",
                      "what is accepted stays in the outbox until destination.url is set"});
    return;
  }
  const bool uses_operations = std::ranges::any_of(config.sources, [](const SourceConfig& source) {
    return source.operations != Operations::none;
  });
  const auto facts = postgres::look_at_server(config.destination, uses_operations, clock);
  if (!facts) {
    checks.push_back({"Postgres", Verdict::fail, facts.error().message,
                      facts.error().kind == FailureKind::unavailable
                          ? "see that Postgres runs and can be reached from here at the host and "
                            "port of destination.url; what was accepted is kept meanwhile"
                          : "mend what it names; what was accepted is kept meanwhile, and "
                            "delivery resumes by itself"});
    return;
  }
  checks.push_back(judge_server_version(*facts));
  checks.push_back(judge_tls(*facts));
  checks.push_back(judge_rights(*facts, config.destination));
  checks.push_back(judge_tables(*facts, config.destination));
  check_statements(config, clock, checks);
  checks.push_back(judge_durability(*facts));
  checks.push_back(judge_server_clock(*facts));
}

}  // namespace holdfast::cli
