#include "wrapper/fault.hpp"

#include <pqxx/except>

#include "postgres/classify.hpp"

namespace holdfast::wrapper {
namespace {

using postgres::Phase;

/// What pqxx hands on: for some errors the code is in the type alone.
struct Thrown {
  std::string sqlstate;
  bool in_doubt = false;
};

std::optional<Thrown> read(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const pqxx::in_doubt_error&) {
    return Thrown{"", true};
  } catch (const pqxx::protocol_violation&) {
    return Thrown{"08P01", false};
  } catch (const pqxx::too_many_connections&) {
    return Thrown{"53300", false};
  } catch (const pqxx::sql_error& error) {
    return Thrown{error.sqlstate(), false};
  } catch (const pqxx::failure&) {
    return Thrown{};
  } catch (...) {
    return std::nullopt;
  }
}

Fault classified(std::string sqlstate, std::string message, Phase phase) {
  const auto verdict = postgres::classify(sqlstate, message, phase);
  const bool retryable = verdict.delivery_class == DeliveryClass::connection ||
                         verdict.delivery_class == DeliveryClass::server;
  return {verdict.delivery_class, std::move(sqlstate), std::move(message), verdict.in_doubt,
          retryable};
}

}  // namespace

std::optional<Fault> judge(const std::exception_ptr& thrown, const Evidence& evidence) {
  const auto known = read(thrown);
  if (!known) return std::nullopt;
  const bool in_doubt = known->in_doubt && evidence.in_commit;
  // On a session that has answered, the error is the statement's or of another connection; so is a
  // doubt that came before our COMMIT, and no session of ours can mend that.
  if (!in_doubt && (known->in_doubt || !evidence.session_lost)) return std::nullopt;
  // pqxx says no more than "lost"; libpq has what the server said before it hung up.
  auto reason = postgres::most_informative(evidence.libpq_text);
  std::string sqlstate = known->sqlstate.empty() ? reason.sqlstate : known->sqlstate;
  Fault fault = classified(std::move(sqlstate), std::move(reason.message),
                           evidence.in_commit ? Phase::commit : Phase::query);
  fault.in_doubt = fault.in_doubt || in_doubt;
  return fault;
}

bool is_of_read_only_server(const std::exception_ptr& thrown) {
  const auto known = read(thrown);
  return known && known->sqlstate == "25006";
}

Fault judge_connect(const postgres::SqlError& error) {
  Fault fault = classified(error.sqlstate, error.message, Phase::connect);
  fault.in_doubt = false;  // Nothing was sent.
  return fault;
}

}  // namespace holdfast::wrapper
