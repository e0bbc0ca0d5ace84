#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <pqxx/connection>
#include <pqxx/transaction>
#include <type_traits>
#include <utility>
#include <variant>

#include "holdfast/export.hpp"
#include "holdfast/pool.hpp"
#include "holdfast/retry.hpp"
#include "holdfast/whatsapp.hpp"

// Database work that outlives lost connections: with_db, with_db_critical, with_db_read.
namespace holdfast {

/// Whether the work may run again although its first run may have been committed.
enum class Idempotent : std::uint8_t {
  no,   ///< It may not: `UPDATE counters SET n = n + 1`.
  yes,  ///< Twice is like once: `INSERT … ON CONFLICT DO NOTHING`, by a key of the caller's.
};

namespace wrapper {

enum class Access : std::uint8_t { write, read };

struct Call {
  Pool& pool;
  const RetryPolicy& policy;
  Access access = Access::write;
  Idempotent idempotent = Idempotent::no;
};

/// One run of the work inside a transaction.
struct Step {
  void* context = nullptr;
  void (*run)(void* context, pqxx::transaction_base& transaction) = nullptr;
};

HOLDFAST_EXPORT void run(const Call& call, Step step);

template <class Transaction, class Work>
auto run_typed(const Call& call, Work& work) -> std::invoke_result_t<Work&, Transaction&> {
  using Result = std::invoke_result_t<Work&, Transaction&>;
  struct Context {
    Work& work;
    std::optional<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> result;
  } context{work, std::nullopt};
  run(call, {&context, [](void* opaque, pqxx::transaction_base& transaction) {
               auto& [body, value] = *static_cast<Context*>(opaque);
               if constexpr (std::is_void_v<Result>) {
                 std::invoke(body, static_cast<Transaction&>(transaction));
               } else {
                 value.emplace(std::invoke(body, static_cast<Transaction&>(transaction)));
               }
             }});
  if constexpr (!std::is_void_v<Result>) return std::move(*context.result);
}

}  // namespace wrapper

/// What runs inside a transaction and returns a value or nothing. No reference: what it refers to
/// may end with the transaction.
template <class Work, class Transaction>
concept WorkIn = std::invocable<Work&, Transaction&> &&
                 !std::is_reference_v<std::invoke_result_t<Work&, Transaction&>>;
/// What with_db runs: it takes a `pqxx::work&`.
template <class Work>
concept WriteWork = WorkIn<Work, pqxx::work>;
/// What with_db_read runs: it takes a `pqxx::read_transaction&`.
template <class Work>
concept ReadWork = WorkIn<Work, pqxx::read_transaction>;

/// Runs `work` in a transaction on a connection of the pool, commits, and returns what it returned.
/// A lost connection is tried again: closed, reset, refused, timed out, ended by the server
/// (57P01…), a server that is not up yet; what Prisma calls P1001 and P1017. It is recognised by
/// the rules of the relay (docs/decisions/0004) and by the session being gone: an error of a
/// session that lives is the statement's, and the same again would meet it again.
///
/// Promise:  on return, `work` was committed once. A COMMIT whose answer was lost may have happened
///           (docs/library.md); it is tried again only with Idempotent::yes.
/// Needs:    work that can run several times: its effects outside of the transaction are its own
///           affair. It neither commits nor aborts, nor hides a failed statement.
/// Threads:  any; `work` runs in the caller's.
/// Blocks:   for the statements, as pqxx does; for a place, a connection and the delays as pool and
///           policy say.
/// Errors:   what `work` or COMMIT threw, at once and unchanged, unless it was a lost connection;
///           that too when the retries are used up. pqxx::in_doubt_error: COMMIT may have happened,
///           in the last attempt or in an earlier one behind which no attempt got through, whatever
///           stopped those. pqxx::broken_connection: connecting failed, and nothing is stored.
///           Error: overloaded (no place), unavailable (the pool is shut down), both with nothing
///           stored; invalid (the work hid a failed statement).
template <WriteWork Work>
auto with_db(Pool& pool, Work&& work, Idempotent idempotent = Idempotent::no,
             const RetryPolicy& policy = RetryPolicy()) {
  return wrapper::run_typed<pqxx::work>({pool, policy, wrapper::Access::write, idempotent}, work);
}

/// As with_db, for what must not be given up early: 5 retries from 2 s.
///
/// Blocks:   as with_db; the delays alone are up to a minute.
template <WriteWork Work>
auto with_db_critical(Pool& pool, Work&& work, Idempotent idempotent = Idempotent::no,
                      const RetryPolicy& policy = RetryPolicy::critical()) {
  return with_db(pool, std::forward<Work>(work), idempotent, policy);
}

/// As with_db, in a transaction that can only read. Nothing can be written twice, so a COMMIT in
/// doubt is tried again, too.
template <ReadWork Work>
auto with_db_read(Pool& pool, Work&& work, const RetryPolicy& policy = RetryPolicy()) {
  return wrapper::run_typed<pqxx::read_transaction>(
      {pool, policy, wrapper::Access::read, Idempotent::yes}, work);
}

}  // namespace holdfast
