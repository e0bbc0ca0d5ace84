#pragma once

#include <string>
#include <vector>

#include "support/daemon.hpp"
#include "support/load.hpp"
#include "support/postgres_cluster.hpp"

namespace holdfast::support {

/// What is wrong with `inbox` after everything was delivered, one sentence a problem: an accepted
/// write that is missing, doubled or altered, and rows of a source that came out of order.
[[nodiscard]] std::vector<std::string> delivery_problems(const PostgresCluster& cluster,
                                                         const std::vector<WriteOutcome>& outcomes);

/// The end of every fault test, called with all faults off: waits until nothing is pending, then
/// checks that each accepted write is in `inbox` exactly once with the bytes that were sent, in the
/// order of its source, and that nothing is dead.
void everything_arrives(Daemon& daemon, PostgresCluster& cluster,
                        const std::vector<WriteOutcome>& outcomes,
                        std::chrono::milliseconds deadline = std::chrono::seconds(60));

/// Numbers the rows of `inbox` in the order of their insertion from now on, so that
/// everything_arrives can check the order within one transaction, too. The table must exist.
void record_arrival_order(PostgresCluster& cluster);

/// Rows of holdfast.inbox.
[[nodiscard]] std::uint64_t inbox_rows(const PostgresCluster& cluster);

}  // namespace holdfast::support
