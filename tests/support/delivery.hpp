#pragma once

#include <string>
#include <vector>

#include "support/daemon.hpp"
#include "support/load.hpp"
#include "support/postgres_cluster.hpp"

namespace holdfast::support {

/// The end of every fault test, called with all faults off: waits until nothing is pending, then
/// checks that each accepted write is in `inbox` exactly once with the bytes that were sent, that
/// nothing is dead, and that each source's entries came in the order of their seq.
void everything_arrives(Daemon& daemon, PostgresCluster& cluster,
                        const std::vector<WriteOutcome>& outcomes,
                        std::chrono::milliseconds deadline = std::chrono::seconds(60));

/// Numbers the rows of `inbox` in the order of their insertion from now on, so that
/// everything_arrives can check the order within one transaction, too. The table must exist.
void record_arrival_order(PostgresCluster& cluster);

/// Rows of holdfast.inbox.
[[nodiscard]] std::uint64_t inbox_rows(const PostgresCluster& cluster);

}  // namespace holdfast::support
