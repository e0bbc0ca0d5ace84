#include <algorithm>

#include "base/check.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/pool.hpp"
#include "wrapper/fault.hpp"
#include "wrapper/limits.hpp"
#include "wrapper/pool_impl.hpp"

namespace holdfast {
namespace {

using postgres::Session;
using postgres::SqlError;

/// One question with a limit, which pqxx's calls have not.
std::expected<void, SqlError> ask(wrapper::PoolImpl& pool, wrapper::Lease& lease,
                                  SteadyTime deadline) {
  // Under pqxx the connection could only block, so it is libpq's alone meanwhile.
  auto session = Session::adopt(std::move(*lease).release(), pool.clock(), pool.interrupt());
  lease.connection().reset();
  auto answer = session.run("SELECT 1", deadline);
  if (!answer) return std::unexpected(answer.error());
  lease.connection() = std::make_unique<wrapper::Connection>(std::move(session).release());
  return {};
}

std::expected<void, SqlError> take_and_ask(wrapper::PoolImpl& pool, SteadyTime deadline) {
  auto lease = pool.take(deadline);
  if (!lease) return std::unexpected(lease.error());
  return ask(pool, *lease, deadline);
}

}  // namespace

ConnectionHealth connection_health(Pool& pool, std::chrono::milliseconds timeout) {
  HOLDFAST_CHECK(timeout.count() > 0, "connection_health needs a timeout of more than 0");
  const std::shared_ptr<wrapper::PoolImpl> impl = pool.impl();
  const auto begin = impl->clock().steady_now();
  ConnectionHealth health;
  try {
    const auto answered = take_and_ask(*impl, begin + std::min(timeout, wrapper::wait_max));
    health.ok = answered.has_value();
    if (!answered) {
      const auto fault = wrapper::judge_connect(answered.error());
      impl->note_fault({{}, fault.delivery_class, fault.sqlstate, fault.message});
      health.error = "asking Postgres: " + fault.message;
    }
  } catch (const Error& error) {
    health.error = error.what();
  }
  health.latency =
      std::chrono::floor<std::chrono::microseconds>(impl->clock().steady_now() - begin);
  health.stats = impl->stats();
  return health;
}

}  // namespace holdfast
