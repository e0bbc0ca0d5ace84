#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "ingress/head.hpp"
#include "ingress/payload.hpp"

namespace holdfast::ingress {

/// How the key of a source's entries is found. Pure.
///
/// Threads:  any.
class DedupeRule {
 public:
  /// The source's own `dedupe`, else what its provider is known by, else no key.
  /// Errors:   refused: `dedupe` is neither a JSON pointer, "header:NAME" nor "body".
  [[nodiscard]] static std::expected<DedupeRule, Failure> make(const SourceConfig& source);
  /// The key as the outbox takes it, or nullopt: the write is accepted without one.
  [[nodiscard]] std::optional<std::string> key(const RequestHead& head, Payload& payload) const;

 private:
  struct NoKey {};
  struct Body {};
  struct Twilio {};
  struct Slack {};
  struct StandardWebhooks {};
  struct NamedHeader {
    std::string name;
  };
  using Rule =
      std::variant<NoKey, Body, Twilio, Slack, StandardWebhooks, NamedHeader, base::JsonPointer>;
  [[nodiscard]] static Rule rule_of_provider(const SourceConfig& source);
  Rule rule_;
};

/// A key as the outbox takes it: what is over 512 bytes, no UTF-8 or holds NUL becomes
/// "sha256:<hex>"; an empty one is no key.
[[nodiscard]] std::optional<std::string> storable_key(std::optional<std::string> key);

/// What a repeat of this provider's write is compared by, if not by its whole body. A GET has only
/// its query. Stripe counts pending_webhooks down between its tries, so that the value of that
/// top-level member is left out.
[[nodiscard]] std::optional<std::array<std::uint8_t, 32>> compare_sha256(Provider provider,
                                                                         Payload& payload);

}  // namespace holdfast::ingress
