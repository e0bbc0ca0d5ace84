#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "ingress/head.hpp"

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
  [[nodiscard]] std::optional<std::string> key(const RequestHead& head,
                                               std::string_view body) const;

 private:
  struct NoKey {};
  struct Body {};
  struct Twilio {};
  struct NamedHeader {
    std::string name;
  };
  struct Pointer {
    std::vector<std::string> tokens;
  };
  std::variant<NoKey, Body, Twilio, NamedHeader, Pointer> rule_;
};

/// A key as the outbox takes it: what is over 512 bytes, no UTF-8 or holds NUL becomes
/// "sha256:<hex>"; an empty one is no key.
[[nodiscard]] std::optional<std::string> storable_key(std::optional<std::string> key);

}  // namespace holdfast::ingress
