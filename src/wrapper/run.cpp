#include <algorithm>
#include <expected>
#include <format>

#include "base/backoff.hpp"
#include "base/check.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/postgres.hpp"
#include "wrapper/fault.hpp"
#include "wrapper/pool_impl.hpp"

namespace holdfast::wrapper {
namespace {

using Deadline = std::optional<SteadyTime>;
/// How the answer of an earlier COMMIT of this call was lost; nullopt: none was.
using Doubt = std::optional<std::string>;

/// An attempt that a new connection may mend, and what to throw if there is none.
struct Lost {
  Fault fault;
  std::exception_ptr thrown;
};

/// What only the session knows of the work that has just returned.
void check_before_commit(const Connection& connection) {
  if (connection.has_failed_statement())
    throw Error({FailureKind::invalid,
                 "committing the work: one of its statements failed and the work hid it, so "
                 "Postgres would roll back and say nothing; let the exception pass, or try the "
                 "statement in a pqxx::subtransaction"});
  HOLDFAST_CHECK(!connection.is_between_transactions(),
                 "with_db commits: the work must neither commit nor abort");
  // Here it is certain that nothing was committed; once COMMIT is sent it never is.
  if (!connection.looks_alive())
    throw pqxx::broken_connection("The server ended the session before COMMIT was sent.");
}

/// Runs the work once and commits; tells in `evidence` how the session was when it failed.
template <class Transaction>
void run_once(Connection& connection, Step step, Evidence& evidence) {
  Transaction transaction(connection.link());
  try {
    step.run(step.context, transaction);
    check_before_commit(connection);
    evidence.in_commit = true;
    transaction.commit();
  } catch (...) {
    // The end of the transaction object sends a rollback, which would change both.
    evidence.session_lost = !connection.has_answered() || !connection.looks_alive();
    evidence.libpq_text = connection.error_text();
    throw;
  }
}

/// An exception in doubt is one, whatever pqxx made of it.
std::exception_ptr as_in_doubt(const std::exception_ptr& thrown, const Fault& fault) {
  try {
    std::rethrow_exception(thrown);
  } catch (const pqxx::in_doubt_error&) {
    return thrown;
  } catch (...) {
    return std::make_exception_ptr(pqxx::in_doubt_error(
        std::format("committing the work: {}; it may be stored, look before you write it again",
                    fault.message)));
  }
}

/// A doubt outlives the attempts behind it: that they got nowhere says nothing of the first COMMIT.
pqxx::in_doubt_error still_in_doubt(std::string_view lost, std::string_view later) {
  return pqxx::in_doubt_error(std::format(
      "committing the work: {}; trying it again failed, too: {}; it may be stored, look "
      "before you write it again",
      lost, later));
}

std::expected<Lease, postgres::SqlError> take(PoolImpl& pool, Deadline deadline,
                                              const Doubt& doubt) {
  try {
    return pool.take(deadline);
  } catch (const Error& error) {
    if (!doubt) throw;
    throw still_in_doubt(*doubt, error.what());
  }
}

Lost connecting_failed(const postgres::SqlError& error) {
  Fault fault = judge_connect(error);
  const auto code = error.sqlstate.empty() ? "" : std::format(" ({})", error.sqlstate);
  auto thrown = std::make_exception_ptr(pqxx::broken_connection(
      std::format("connecting to Postgres: {}{}; check that it runs, and the URL of the pool",
                  error.message, code)));
  return {std::move(fault), std::move(thrown)};
}

/// One attempt. What no connection can mend is thrown as it came.
std::expected<void, Lost> attempt(PoolImpl& pool, const Call& call, Step step, Deadline deadline,
                                  const Doubt& doubt) {
  auto lease = take(pool, deadline, doubt);
  if (!lease) return std::unexpected(connecting_failed(lease.error()));
  Evidence evidence;
  try {
    if (call.access == Access::read) {
      run_once<pqxx::read_transaction>(**lease, step, evidence);
    } else {
      run_once<pqxx::work>(**lease, step, evidence);
    }
    return {};
  } catch (...) {
    const auto thrown = std::current_exception();
    // BEGIN itself may have failed.
    if (!(*lease)->has_answered()) {
      evidence.session_lost = true;
      if (evidence.libpq_text.empty()) evidence.libpq_text = (*lease)->error_text();
    }
    const bool wrong_server = call.access == Access::write && is_of_read_only_server(thrown);
    if (evidence.session_lost || wrong_server) lease->drop();
    auto fault = judge(thrown, evidence);
    if (!fault) throw;
    return std::unexpected(Lost{*fault, fault->in_doubt ? as_in_doubt(thrown, *fault) : thrown});
  }
}

}  // namespace

void run(const Call& call, Step step) {
  // Shared, so that a pool that ends meanwhile leaves this call what it needs.
  const std::shared_ptr<PoolImpl> pool = call.pool.impl();
  const RetryOptions& policy = call.policy.options();
  Deadline deadline;
  if (policy.deadline) deadline = pool->clock().steady_now() + *policy.deadline;
  Doubt doubt;
  for (std::uint32_t number = 1;; ++number) {
    const auto done = attempt(*pool, call, step, deadline, doubt);
    if (done) return;
    const auto& [fault, thrown] = done.error();
    pool->note_fault({{}, fault.delivery_class, fault.sqlstate, fault.message});
    if (fault.in_doubt && call.access == Access::write) doubt = fault.message;
    const auto delay = pool->draw_delay(
        base::backoff_ceiling(policy.delay_base, policy.delay_max, number - 1), policy.jitter);
    const bool may_repeat = !fault.in_doubt || call.idempotent == Idempotent::yes;
    const bool in_time = !deadline || pool->clock().steady_now() + delay < *deadline;
    bool goes_on = fault.retryable && may_repeat && in_time && number <= policy.retries;
    if (goes_on) {
      if (policy.on_retry)
        policy.on_retry({number, delay, fault.delivery_class, fault.sqlstate, fault.message,
                         fault.in_doubt || doubt.has_value()});
      // The wait may have taken longer than it should.
      goes_on = pool->pause(delay) && (!deadline || pool->clock().steady_now() < *deadline);
    }
    if (!goes_on) {
      if (doubt && !fault.in_doubt) throw still_in_doubt(*doubt, fault.message);
      std::rethrow_exception(thrown);
    }
    pool->note_retry(fault.delivery_class);
  }
}

}  // namespace holdfast::wrapper
