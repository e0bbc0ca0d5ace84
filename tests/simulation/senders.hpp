#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/source.hpp"
#include "ingress/head.hpp"

/// The programs that send: what they send, and how each provider signs it.
namespace holdfast::simulation {

/// What Postgres will make of a write.
enum class Kind {
  plain,
  poison,   ///< Refused as data until somebody mends the schema.
  orphan,   ///< Its parent row comes a little later, or too late.
  breaker,  ///< No session survives it until the server is mended.
};

/// One thing that happened at a sender, and that is sent until it was acknowledged.
struct Write {
  int number = 0;
  std::string source;
  std::string key = {};    ///< The sender's own id of it; empty: it has none.
  std::string order = {};  ///< The value of order_by; empty: none.
  Kind kind = Kind::plain;
  int variant = 0;  ///< Another body under the same key.
  int tries = 0;    ///< How often it was sent before; Stripe counts in the body.
  int pad_bytes = 0;
};

/// How a request is spoilt, so that it must be refused.
enum class Forgery { none, other_secret, changed_body, old_time };

struct Request {
  ingress::RequestHead head;
  std::string body;
};

/// All sources there are; a configuration may lack some.
[[nodiscard]] std::vector<SourceConfig> all_sources();
[[nodiscard]] std::vector<std::string> names_of(const std::vector<SourceConfig>& sources);
/// The sources whose key is a text of the sender's, so that two bodies can come under one.
[[nodiscard]] bool has_keys(std::string_view source);
/// The sources that may be handed to the outbox directly, past the signature.
[[nodiscard]] bool may_bypass(std::string_view source);
[[nodiscard]] bool signs_time(std::string_view source);

[[nodiscard]] std::string body_of(const Write& write);
/// What the outbox knows it by; nullopt: nothing.
[[nodiscard]] std::optional<std::string> dedupe_key_of(const Write& write);
/// A complete request, signed as the provider does.
[[nodiscard]] Request request_of(const Write& write, WallTime now, Forgery forgery);
/// The same as the ingress would hand it to the outbox.
[[nodiscard]] NewEntry entry_of(const Write& write, WallTime now);

}  // namespace holdfast::simulation
