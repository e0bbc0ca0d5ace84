#pragma once

#include <expected>
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

/// From a complete request to an entry, and from what the outbox says of it to the answer. In
/// between lies the append, for which nobody here waits.
///
/// Threads:  any.
class Intake {
 public:
  struct Dependencies {
    const Clock& clock;
    LogSink log;
  };
  Intake(TrustedProxies proxies, Dependencies dependencies);

  /// Verifies and finds the keys: what is to be appended, or the answer where nothing is.
  ///
  /// Promise:  a request that is not verified makes no entry.
  [[nodiscard]] std::expected<NewEntry, Reply> prepare(const Source& source,
                                                       const RequestHead& head,
                                                       const IpAddress& peer, std::string body);
  /// Promise:  a 2xx only where the outbox has said that the entry, or its first copy, is durable.
  [[nodiscard]] Reply answer(const Source& source, const std::expected<Appended, Failure>& result);

 private:
  [[nodiscard]] Reply refuse(const Source& source, const verify::Verdict& verdict);
  [[nodiscard]] NewEntry make_entry(const Source& source, const RequestHead& head,
                                    const IpAddress& peer, Payload& payload) const;
  // Constant after construction.
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
