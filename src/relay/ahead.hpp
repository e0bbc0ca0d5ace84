#pragma once

#include <cstdint>

#include "relay/split_queue.hpp"

namespace holdfast::relay {

/// A batch that was claimed while the one before it was on its way, and what that claim rests on:
/// if any of these has changed since, it is thrown away.
struct Ahead {
  Batch batch;
  std::uint64_t changes = 0;   ///< Flights::changes.
  std::uint64_t reopened = 0;  ///< Outbox::reopened.
  std::uint64_t pauses = 0;    ///< SourcePauses::pauses.
};

}  // namespace holdfast::relay
