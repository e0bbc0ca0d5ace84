#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "holdfast/clock.hpp"
#include "ingress/chunk_scanner.hpp"
#include "ingress/connection.hpp"
#include "ingress/head.hpp"
#include "ingress/source.hpp"
#include "ingress/traffic.hpp"

namespace holdfast::ingress {

/// One request that arrives in pieces: its head, what is wanted of it, and its body without the
/// framing, up to its end and no further. Everything that can be refused is refused at the first
/// byte that tells.
///
/// Threads:  one at a time.
class Reception {
 public:
  enum class Progress { more, complete };

  /// Needs:    `sources` and `budget` outlive it.
  Reception(const HeadLimits& limits, const SourcesInForce& sources, ByteBudget& budget,
            SteadyTime started)
      : parser_(limits), sources_(sources), started_(started), share_(budget) {}

  /// Takes from what was received. Body bytes count in the budget as they arrive: what a sender
  /// merely announces takes no room from others.
  [[nodiscard]] std::expected<Progress, Refused> take(Connection& connection);
  [[nodiscard]] bool complete() const { return state_ == State::complete; }
  /// True while there is no request yet: nothing but the end of line that old clients leave behind
  /// one.
  [[nodiscard]] bool empty() const { return state_ == State::head && parser_.empty(); }
  /// True once: the sender waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool take_expectation() { return std::exchange(expectation_, false); }
  [[nodiscard]] SteadyTime started() const { return started_; }
  /// What head and body take, without what the connection still has in its buffer. Many small
  /// headers take a multiple of their bytes.
  [[nodiscard]] std::size_t memory() const {
    return parser_.memory() + head_.memory() + body_.capacity();
  }

  /// Needs:    the head is complete; empty before that.
  [[nodiscard]] const RequestHead& head() const { return head_; }
  [[nodiscard]] const Admitted& admitted() const { return admitted_; }
  [[nodiscard]] std::string take_body() { return std::move(body_); }

 private:
  enum class State { head, body, complete };
  using Taken = std::expected<Progress, Refused>;
  [[nodiscard]] Taken take_head(Connection& connection);
  [[nodiscard]] Taken take_body(Connection& connection);
  void make_room(std::size_t bytes);
  [[nodiscard]] std::unexpected<Refused> refused(const Fault& fault) const;

  HeadParser parser_;
  const SourcesInForce& sources_;
  const SteadyTime started_;
  State state_ = State::head;
  RequestHead head_;
  Admitted admitted_;
  bool expectation_ = false;
  std::uint64_t remaining_ = 0;  ///< Of a body with Content-Length.
  ChunkScanner chunks_;
  std::string body_;
  ByteBudget::Share share_;  ///< The bytes of body_.
};

}  // namespace holdfast::ingress
