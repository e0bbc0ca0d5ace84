#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "holdfast/export.hpp"

namespace holdfast {

/// What the caller should do about a failure; kinds are named by the reaction, not by the cause.
enum class FailureKind {
  invalid,      ///< Never retry: the input is at fault (4xx, or a dead letter).
  overloaded,   ///< We are full or too slow right now: 503 with Retry-After.
  unavailable,  ///< Retry with backoff, blame no entry.
  refused,      ///< Pause and tell the operator: configuration or permission is at fault.
  broken,       ///< Local durability is uncertain: stop the process.
};

/// The name of the enumerator.
[[nodiscard]] constexpr std::string_view to_string(FailureKind kind) {
  switch (kind) {
    case FailureKind::invalid: return "invalid";
    case FailureKind::overloaded: return "overloaded";
    case FailureKind::unavailable: return "unavailable";
    case FailureKind::refused: return "refused";
    case FailureKind::broken: return "broken";
  }
  return "unknown";
}

/// An outcome that the caller must branch on; returned inside std::expected.
struct Failure {
  FailureKind kind = FailureKind::invalid;  ///< What to do about it.
  /// "doing X: cause; do Y", for a person. Never holds a payload, a token or a URL.
  std::string message;
};

/// The one exception of this library: the frame cannot go on.
///
/// Threads:  any.
/// Errors:   caught only at the edges: request handlers, thread loops, main.
class HOLDFAST_EXPORT Error : public std::runtime_error {
 public:
  /// what() is the message of the failure.
  explicit Error(Failure failure)
      : std::runtime_error(failure.message), failure_(std::move(failure)) {}
  [[nodiscard]] const Failure& failure() const { return failure_; }  ///< What it was made of.

 private:
  Failure failure_;
};

}  // namespace holdfast
