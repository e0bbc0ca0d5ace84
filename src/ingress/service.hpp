#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "holdfast/clock.hpp"
#include "holdfast/log.hpp"
#include "ingress/intake.hpp"
#include "ingress/mailbox.hpp"
#include "ingress/server.hpp"
#include "ingress/session.hpp"
#include "ingress/workers.hpp"

namespace holdfast::ingress {

/// Serves whole requests without waiting: a small one is taken apart here and handed to the outbox,
/// a large one by a thread of the pool; what became of it comes by the mailbox.
///
/// Threads:  begin, finish, time_out: one, the event loop's. join: one owner.
class Service {
 public:
  struct Settings {
    std::chrono::milliseconds append_timeout;
    TrustedProxies proxies;
  };
  Service(Settings settings, const IngressServer::Dependencies& dependencies,
          std::shared_ptr<Mailbox> mailbox);

  /// The answer, if there is one at once; nullopt: the mailbox gets an outcome for `number`.
  ///
  /// Needs:    a complete request.
  [[nodiscard]] std::optional<Reply> begin(Session& session, std::uint64_t number);
  /// The answer that an outcome comes to.
  [[nodiscard]] Reply finish(Session& session, Outcome& outcome);
  /// The answer when none came within append_timeout.
  [[nodiscard]] Reply time_out(Session& session);
  /// Ends the pool's threads, when what they have is done.
  void join() { workers_.join(); }

 private:
  [[nodiscard]] std::optional<Reply> store(const Source& source, const RequestHead& head,
                                           const IpAddress& peer, std::string body,
                                           Requester requester);

  // Constant after construction.
  const std::chrono::milliseconds append_timeout_;
  const IngressServer::Dependencies& dependencies_;
  const std::shared_ptr<Mailbox> mailbox_;
  // Any thread: they lock or are atomic.
  Intake intake_;
  Workers workers_;
};

}  // namespace holdfast::ingress
