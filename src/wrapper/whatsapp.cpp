#include "holdfast/whatsapp.hpp"

#include <format>
#include <pqxx/params>
#include <pqxx/result>
#include <pqxx/transaction_base>
#include <pqxx/util>

#include "holdfast/failure.hpp"
#include "holdfast/postgres.hpp"
#include "postgres/limits.hpp"
#include "postgres/operations_sql.hpp"
#include "wrapper/whatsapp_rows.hpp"

namespace holdfast {
namespace {

/// How many rows were written.
pqxx::result::size_type run(pqxx::transaction_base& transaction,
                            const postgres::OperationStatement& statement) {
  pqxx::params parameters;
  parameters.reserve(statement.columns.size());
  // Views, in binary format: the arrays outlive the call.
  for (const auto& array : statement.columns) parameters.append(pqxx::binary_cast(array.bytes()));
  return transaction.exec(*statement.sql, parameters).affected_rows();
}

}  // namespace

WhatsAppOperations::WhatsAppOperations(const std::string& schema) {
  if (!postgres::is_identifier(schema))
    throw Error({FailureKind::invalid,
                 std::format("making WhatsAppOperations: the schema is no name for Postgres; give "
                             "1 to {} bytes of UTF-8, as in destination.schema of the daemon",
                             postgres::identifier_bytes_max)});
  statements_ = std::make_shared<const postgres::OperationStatements>(schema);
}

bool WhatsAppOperations::create_message(pqxx::transaction_base& transaction,
                                        const WhatsAppMessage& message) const {
  return run(transaction, statements_->messages({wrapper::row_of(message)})) == 1;
}

bool WhatsAppOperations::create_message(Pool& pool, const WhatsAppMessage& message,
                                        const RetryPolicy& policy) const {
  const auto statement = statements_->messages({wrapper::row_of(message)});
  return with_db(
      pool, [&](pqxx::work& work) { return run(work, statement) == 1; }, Idempotent::yes, policy);
}

void WhatsAppOperations::upsert_user(pqxx::transaction_base& transaction,
                                     const WhatsAppUser& user) const {
  run(transaction, statements_->users({wrapper::row_of(user)}));
}

void WhatsAppOperations::upsert_user(Pool& pool, const WhatsAppUser& user,
                                     const RetryPolicy& policy) const {
  const auto statement = statements_->users({wrapper::row_of(user)});
  with_db(pool, [&](pqxx::work& work) { run(work, statement); }, Idempotent::yes, policy);
}

}  // namespace holdfast
