#include "postgres/operations.hpp"

#include <utility>
#include <vector>

#include "postgres/operations_rows.hpp"
#include "postgres/operations_twilio.hpp"
#include "postgres/operations_whatsapp.hpp"

namespace holdfast::postgres {
namespace {

/// Nothing to write sends nothing.
std::expected<void, SqlError> run(Session& session, const OperationStatement& statement,
                                  SteadyTime deadline) {
  if (statement.is_empty()) return {};
  std::vector<Parameter> parameters;
  for (const auto& array : statement.columns) parameters.push_back({array.bytes()});
  if (const auto done = session.run(*statement.sql, parameters, false, deadline); !done)
    return std::unexpected(done.error());
  return {};
}

OperationRows rows_of(Operations operations, const Entry& entry) {
  switch (operations) {
    case Operations::whatsapp: return whatsapp_rows(entry);
    case Operations::twilio: return twilio_rows(entry);
    case Operations::none: break;
  }
  return {};
}

}  // namespace

std::expected<void, SqlError> OperationsWriter::write(Session& session, Operations operations,
                                                      std::span<const Entry* const> entries,
                                                      SteadyTime deadline) const {
  OperationRows rows;
  for (const auto* entry : entries) rows.append(rows_of(operations, *entry));
  rows = merged(std::move(rows));
  return run(session, statements_.users(rows.users), deadline)
      .and_then([&] { return run(session, statements_.messages(rows.messages), deadline); })
      .and_then([&] { return run(session, statements_.statuses(rows.statuses), deadline); });
}

}  // namespace holdfast::postgres
