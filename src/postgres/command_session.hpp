#pragma once

#include <expected>
#include <string_view>
#include <type_traits>
#include <utility>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/interrupt.hpp"
#include "postgres/session.hpp"

/// A session of its own for a command that an operator waits for.
namespace holdfast::postgres {

/// "doing X: cause (code); do Y", refused or unavailable by the class of the error.
[[nodiscard]] Failure command_failure(std::string_view doing, const SqlError& error, Phase phase);

/// Opens a session and runs a function of (Session&, deadline) on it.
/// Blocks:   connect_timeout + deliver_timeout.
template <class F>
auto with_session(std::string_view doing, const DestinationConfig& config, const Clock& clock,
                  F&& function)
    -> std::expected<typename std::invoke_result_t<F&, Session&, SteadyTime>::value_type, Failure> {
  const auto conninfo = parse_conninfo(config);
  if (!conninfo) return std::unexpected(conninfo.error());
  const Interrupt never;
  auto session = Session::open(*conninfo, clock, never);
  if (!session)
    return std::unexpected(
        command_failure("connecting to Postgres", session.error(), Phase::connect));
  auto result = function(*session, clock.steady_now() + config.deliver_timeout);
  if (!result) return std::unexpected(command_failure(doing, result.error(), Phase::query));
  return std::move(*result);
}

}  // namespace holdfast::postgres
