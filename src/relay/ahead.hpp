#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "holdfast/destination.hpp"
#include "relay/flights.hpp"
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

/// What was delivered, until what became of it is written.
struct Landing {
  /// Also of a batch before it whose outcome is owed.
  std::vector<std::unique_ptr<Flights::Flight>> flights;
  Batch batch;  ///< Empty once its outcome is on its way to the outbox.
  std::vector<Delivered> outcomes;

  void add(std::unique_ptr<Flights::Flight> flight, Batch delivered, std::vector<Delivered> told) {
    flights.push_back(std::move(flight));
    batch = std::move(delivered);
    outcomes = std::move(told);
  }
  [[nodiscard]] bool empty() const { return flights.empty(); }
};

/// How far a machine is with the drains of economy mode.
struct DrainProgress {
  std::uint64_t seen = 0;      ///< Drains that it has taken part in.
  std::int64_t until_seq = 0;  ///< What is newer belongs to the next drain.
  bool looked = false;         ///< For the first entry after the start.
};

}  // namespace holdfast::relay
