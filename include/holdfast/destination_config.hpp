#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "holdfast/bytes.hpp"
#include "holdfast/secret.hpp"

namespace holdfast {

/// When the relay drains.
enum class Drain {
  eager,    ///< At once.
  economy,  ///< Gathered for a window, so that an idle Neon wakes once in it.
};

/// Which Postgres entries go to, in what portions, and with how much patience.
/// Who reads it from a file gets the ranges checked; who fills it by hand keeps to them.
struct DestinationConfig {
  std::uint32_t url_line = 0;  ///< Line of the file that has the URL, for messages; 0: none.
  /// Any libpq URL or key=value string. Empty: unconfigured, entries wait.
  Secret url;
  /// The schema of the inbox and of the operations' tables; 1 to 63 bytes, not `pg_…`. "holdfast",
  /// out of the way of the program's own tables.
  std::string schema = "holdfast";
  /// Makes and upgrades the tables at first contact. True: the role needs CREATE. False: without
  /// `holdfast migrate apply` by hand delivery pauses.
  bool migrate = true;
  /// Sessions that deliver side by side; an order group stays with one of them. 1, which is enough
  /// while nothing piles up; 1 to 64. Less: a drain after an outage takes longer. More: more of the
  /// server's connections, of which no more have work than there are order groups.
  std::uint32_t connections = 1;
  /// When to deliver. Eager: each trickle of writes wakes a compute that sleeps. Economy: rows
  /// arrive up to economy_window late.
  Drain drain = Drain::eager;
  /// With Drain::economy: how long entries are gathered, from the first pending one on; 64 MiB of
  /// bodies end it early. 30 min, of which Neon sleeps 24; 1 s to 24 h. Less: the compute wakes
  /// more often, below 11 min it hardly sleeps. More: rows arrive later.
  std::chrono::milliseconds economy_window{std::chrono::minutes(30)};
  /// A session without work is closed after this. 10 s, far below the 5 min after which Neon
  /// suspends; 0 to 1 h. Less: more connects when writes trickle in. More: a compute stays awake
  /// longer, and costs.
  std::chrono::milliseconds idle_close{10'000};
  /// Entries in one transaction. 1,000, beyond which a round trip weighs little; 1 to 10,000. Less:
  /// a slow drain. More: a bad entry costs more splitting, and locks are held longer.
  std::uint32_t batch_entries = 1000;
  /// Bodies in one transaction, in bytes; one entry is always taken. 4 MiB, seconds on a slow line;
  /// 1 KiB to 64 MiB. Less: a slow drain of large entries. More: more memory, and
  /// deliver_timeout is met sooner.
  std::uint64_t batch_bytes = 4 * mib;
  /// The limit of a connect; a `connect_timeout` in the URL wins. 15 s, so that a suspended compute
  /// can wake; 100 ms to 5 min. Less: it never wakes in time. More: a dead server is noticed later.
  std::chrono::milliseconds connect_timeout{15'000};
  /// The limit of one batch. 30 s, many times what a full one takes; 100 ms to 10 min. Less:
  /// batches are cut off and sent again, halved. More: a hung server is noticed later.
  std::chrono::milliseconds deliver_timeout{30'000};
  /// The longest first wait after a failure; it doubles, with full jitter. 200 ms, so that a short
  /// fault costs no lag to speak of; 10 ms to 1 h. Less: more connects in an outage. More: more lag
  /// after a short fault.
  std::chrono::milliseconds backoff_initial{200};
  /// The longest wait, four times that for a server in trouble. 30 s: a few connects a minute in an
  /// outage, and delivery that begins soon after it; 10 ms to 1 h, at least backoff_initial. Less:
  /// more connects in an outage. More: delivery begins later after one.
  std::chrono::milliseconds backoff_max{30'000};
  /// How long a stop waits for requests, and then again for the running batch. 10 s: both fit into
  /// the 30 s of deploy/systemd; 0 to 10 min. Less: the batch is cut off and sent again
  /// after the start. More: a supervisor may kill first.
  std::chrono::milliseconds shutdown_timeout{10'000};
};

}  // namespace holdfast
