#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"
#include "ingress/network.hpp"
#include "ingress/payload.hpp"
#include "ingress/replies.hpp"
#include "ingress/source.hpp"
#include "ingress/traffic.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress {

/// From a complete request to a durable entry: verify, find the keys, append, answer.
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
  [[nodiscard]] Reply refuse(const Source& source, const verify::Verdict& verdict);
  [[nodiscard]] NewEntry make_entry(const Source& source, const RequestHead& head,
                                    const IpAddress& peer, Payload& payload) const;
  // Constant after construction.
  const std::chrono::milliseconds append_timeout_;
  const TrustedProxies proxies_;
  Dependencies dependencies_;
  // Atomic: any thread.
  Occasionally warned_;
  Occasionally warned_window_;
};

/// The challenge of a request by which Slack asks whether this address takes events; nullopt if it
/// is not one.
[[nodiscard]] std::optional<std::string> slack_challenge(Payload& payload);
/// The headers as stored: in order and as received, but what is a secret reads "***".
[[nodiscard]] std::vector<Header> masked_headers(const std::vector<Header>& headers,
                                                 std::string_view token_header);
/// The traceparent if there is one valid one.
/// Source: W3C Trace Context, section 3.2.
[[nodiscard]] std::optional<std::string> valid_traceparent(const RequestHead& head);

}  // namespace holdfast::ingress
