#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"
#include "ingress/network.hpp"
#include "ingress/replies.hpp"
#include "ingress/source.hpp"
#include "ingress/traffic.hpp"

namespace holdfast::ingress {

/// From a complete request to a durable entry: verify, find the key, append, answer.
///
/// Threads:  any.
class Intake {
 public:
  struct Dependencies {
    Outbox& outbox;
    const Clock& clock;
    LogSink log;
  };
  Intake(std::chrono::milliseconds append_timeout, TrustedProxies proxies,
         Dependencies dependencies);

  /// Promise:  a 2xx only after the entry, or its first copy, is durable; a request that is not
  ///           verified leaves no entry.
  /// Blocks:   until the group commit, at most append_timeout.
  [[nodiscard]] Reply store(const Source& source, const RequestHead& head, const IpAddress& peer,
                            std::string body);

 private:
  // Constant after construction.
  const std::chrono::milliseconds append_timeout_;
  const TrustedProxies proxies_;
  Dependencies dependencies_;
  // Atomic: any thread.
  Occasionally warned_;
};

/// The headers as stored: in order and as received, but what is a secret reads "***".
[[nodiscard]] std::vector<Header> masked_headers(const std::vector<Header>& headers,
                                                 std::string_view token_header);
/// The traceparent if there is one valid one.
/// Source: W3C Trace Context, section 3.2.
[[nodiscard]] std::optional<std::string> valid_traceparent(const RequestHead& head);

}  // namespace holdfast::ingress
