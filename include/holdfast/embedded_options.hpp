#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "holdfast/config.hpp"

namespace holdfast {

/// What an EmbeddedOutbox is made of. The limits are those of the daemon's file
/// (docs/configuration.md), and EmbeddedOutbox::open holds them to it.
struct EmbeddedOptions {
  /// The file, its size and what is kept for how long. At least `path` should be given.
  OutboxConfig outbox = {};
  /// Where Postgres is and how it is written to. Without `url` entries wait in the file: for a
  /// later run, or for a daemon that is given the same file.
  DestinationConfig destination = {};
  /// Who writes. Of each the name, the operations and the statements count; the rest is about HTTP.
  /// At least one; entries in the file of a source that is missing here stay pending.
  std::vector<SourceConfig> sources = {};
  /// The longest body of an entry. 4 MiB, as the daemon's; from 1 byte to 64 MiB.
  std::uint64_t body_bytes_max = 4 * mib;
  /// How long append waits for the disk. 5 s; from 10 ms to 5 min.
  std::chrono::milliseconds append_timeout{5'000};
};

}  // namespace holdfast
