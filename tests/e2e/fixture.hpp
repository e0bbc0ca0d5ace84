#pragma once

#include <cstdint>
#include <string>

#include "support/daemon.hpp"
#include "support/load.hpp"
#include "support/postgres_cluster.hpp"

namespace holdfast::e2e {

/// A configuration for the program under test that delivers to `destination_url`.
[[nodiscard]] inline support::DaemonConfig config_for(const std::string& destination_url) {
  support::DaemonConfig config;
  config.binary = HOLDFAST_BINARY;
  config.destination_url = destination_url;
  return config;
}

/// A write of its own body; `keyed` ones carry a dedupe key and go to the source that reads it.
[[nodiscard]] support::WriteOutcome write_number(int number, bool keyed, std::size_t padding = 40);

/// Every second write carries a dedupe key.
[[nodiscard]] inline support::WriteOutcome mixed_write(int number) {
  return write_number(number, number % 2 == 0);
}

/// A new load of `writes` writes, half of them with a dedupe key.
[[nodiscard]] inline support::Load::Options mixed_load(const support::Daemon& daemon, int writes) {
  return {.writes = writes, .make = mixed_write, .port = daemon.port()};
}

/// Posts one write on a connection of its own and returns it with its outcome.
[[nodiscard]] support::WriteOutcome post_one(const support::Daemon& daemon,
                                             support::WriteOutcome write);

/// Delivers one write, so that the tables are there, and from then on lets `inbox` number its rows.
[[nodiscard]] support::WriteOutcome deliver_the_first(support::Daemon& daemon,
                                                      support::PostgresCluster& cluster);

/// A seed for the random moments of a test: HOLDFAST_TEST_SEED, or a new one; printed, so that a
/// run can be repeated.
[[nodiscard]] unsigned announced_seed();

}  // namespace holdfast::e2e
