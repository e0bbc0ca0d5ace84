#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

#include "holdfast/clock.hpp"
#include "ingress/connection.hpp"
#include "ingress/network.hpp"
#include "ingress/places.hpp"
#include "ingress/reception.hpp"
#include "ingress/replies.hpp"
#include "ingress/source.hpp"
#include "ingress/traffic.hpp"

namespace holdfast::ingress {

/// One connection from accept to close, as a state machine that never blocks.
///
/// Threads:  one at a time: the accepting one, then the event loop's.
class Session {
 public:
  /// What all sessions share. Outlives them.
  struct Context {
    const SourcesInForce& sources;
    ByteBudget& budget;
    const Clock& clock;
    HeadLimits limits;
    std::chrono::milliseconds request_deadline;
    std::chrono::milliseconds keep_alive_timeout;
    /// Called for each answer: source or null, status, when the request began.
    std::function<void(const Source*, int, SteadyTime)> answered;
    std::atomic<bool> closing = false;  ///< No further request is begun, on any connection.
  };
  enum class Need {
    input,    ///< Call advance again when bytes have arrived.
    output,   ///< Call advance again when the peer takes bytes.
    service,  ///< A request is complete: call answer.
    end,      ///< Nothing more: destroy it.
  };
  enum class Stage { idle, receiving, serving, writing, lingering };

  Session(Context& context, int socket, const IpAddress& peer, Places::Place place);

  /// Goes on as far as it can without waiting. What has arrived is told by Connection::arrived.
  [[nodiscard]] Need advance();
  /// Puts the answer to the request that is complete on its way; call advance then.
  void answer(const Reply& reply);
  /// Answers whatever was received so far with an error, after which the connection ends; a
  /// connection without a request gets it, too.
  void refuse(const Reply& reply, SharedSource source = nullptr);
  /// What to do when deadline() has passed; call advance then, unless false: destroy it.
  [[nodiscard]] bool expire();

  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] SteadyTime since() const { return since_; }  ///< When this stage began.
  [[nodiscard]] SteadyTime deadline() const;                 ///< Of this stage.
  /// Bytes of memory that buffers and a request that is not complete take.
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] int socket() const { return connection_.socket(); }
  [[nodiscard]] const IpAddress& peer() const { return peer_; }
  [[nodiscard]] Connection& connection() { return connection_; }
  /// Needs:    advance said `service`.
  [[nodiscard]] Reception& request() { return *reception_; }

 private:
  enum class Ending { none, close, linger };
  [[nodiscard]] std::optional<Need> read_on();
  [[nodiscard]] Need wait_for_input();
  [[nodiscard]] Need linger();
  void enter(Stage stage);

  // Constant after construction.
  Context& context_;
  const IpAddress peer_;

  Places::Place place_;
  Connection connection_;  ///< Closed before the place is given back.
  std::optional<Reception> reception_;
  Stage stage_ = Stage::idle;
  SteadyTime since_;
  Ending ending_ = Ending::none;
  std::size_t discarded_ = 0;
};

}  // namespace holdfast::ingress
