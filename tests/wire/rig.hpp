#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../e2e/fixture.hpp"
#include "holdfast/clock.hpp"
#include "postgres/destination.hpp"
#include "support/fake_postgres.hpp"

namespace holdfast::wire {

using support::Fault;
using support::Place;

/// The real destination before the fake server. One source has a statement of its own.
struct Rig {
  explicit Rig(support::FakePostgres::Options options = {}) : fake(std::move(options)) {}

  support::FakePostgres fake;
  std::string fake_url = fake.url();  ///< What open() takes.
  SystemClock clock;
  DestinationConfig config = [] {
    DestinationConfig c;
    c.connect_timeout = std::chrono::seconds(5);
    c.deliver_timeout = std::chrono::seconds(5);
    // A migration has a BEGIN and a COMMIT, too.
    c.migrate = false;
    return c;
  }();

  [[nodiscard]] std::unique_ptr<postgres::PostgresDestination> open(const std::string& other_url);
  [[nodiscard]] std::unique_ptr<postgres::PostgresDestination> open() { return open(fake_url); }
};

/// Its source has a statement of its own.
[[nodiscard]] Entry written_entry(std::int64_t seq);

/// Delivers to a server that was healthy until now and has this fault at this place: the session
/// is open before, unless the place is in the opening. Requires that it fails.
[[nodiscard]] DeliveryFailure failure_at(Rig& rig, Place place, const Fault& fault);

/// Faults off: what was accepted arrives at the fake server, each entry once, in order and as it
/// was sent, and nothing is dead.
void everything_arrives(support::Daemon& daemon, support::FakePostgres& fake,
                        const std::vector<support::WriteOutcome>& outcomes,
                        std::chrono::milliseconds deadline = std::chrono::seconds(45));

/// The number of attempts that the outbox has noted for all entries, dead or not.
[[nodiscard]] std::uint64_t attempts_charged(const support::Daemon& daemon);

}  // namespace holdfast::wire
