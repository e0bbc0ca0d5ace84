#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "latency.hpp"

namespace holdfast::bench {

/// What is sent, and when to stop: whatever comes first of `requests` and `seconds`.
struct LoadOptions {
  std::uint16_t port = 0;
  std::string path = "/ingest/bench";
  int status = 202;  ///< What each answer must have; anything else is a failure.
  std::size_t connections = 64;
  std::size_t body_bytes = 700;  ///< JSON; at least what its fixed part takes.
  std::size_t requests = 20'000'000;
  double warmup_seconds = 0;  ///< Before `seconds`; sent, checked and not measured.
  double seconds = 5;
  double per_second = 0;      ///< 0: the next as soon as an answer is there.
  bool connect_each = false;  ///< A new connection for each request.
  /// Members put before the rest of the body, such as `"n":1,`; "@" becomes a number from 0 to 999
  /// that changes with each request.
  std::string members;
};

struct LoadResult {
  std::uint64_t accepted = 0;  ///< With the wanted status, warm-up included.
  std::uint64_t measured = 0;  ///< Of these, those answered within the measured time.
  std::uint64_t failed = 0;    ///< Another status, or no whole answer.
  std::string first_failure;
  double seconds = 0;  ///< The measured time.
  std::uint64_t answer_bytes = 0;
  Latencies latencies;  ///< From when it was due until the answer is there.
  Latencies answers;    ///< The same from before the connect or the send: what its sender waits.
};

/// Sends POSTs from one thread, each with a key of its own in the body's `id` and in the header
/// `X-Key`, and looks at each answer. With `per_second` a request counts from when it was due, so
/// that a server that stalls is charged for those that could not be sent meanwhile.
[[nodiscard]] LoadResult run_load(const LoadOptions& options);

}  // namespace holdfast::bench
