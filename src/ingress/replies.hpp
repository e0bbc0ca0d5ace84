#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/outbox.hpp"
#include "ingress/head.hpp"

/// What senders are told. Pure.
namespace holdfast::ingress {

struct Reply {
  int status = 200;
  std::string content_type = {};  ///< Empty: no body.
  std::string body = {};
  std::vector<Header> headers = {};  ///< Besides those of the framing.
};

/// The provider's own answer to a durable write, with Holdfast-Id.
[[nodiscard]] Reply accepted(Provider provider, const Appended& appended);

/// RFC 9457 problem document; a 503 gets Retry-After.
[[nodiscard]] Reply problem(const Fault& fault);
/// 405 with Allow.
[[nodiscard]] Reply method_not_allowed(std::string_view allow);
/// 401 with WWW-Authenticate, as RFC 9110 section 15.5.2 wants it.
[[nodiscard]] Reply unauthorized(Provider provider);
/// The same for a signature that is right and too old or too new.
[[nodiscard]] Reply out_of_window();
/// What the caller wrote, given back as it is: a browser must not take it for a page.
[[nodiscard]] Reply challenge(std::string text);
/// What an append that gave no id comes to: never a 4xx for a fault of ours.
[[nodiscard]] Reply not_stored(const Failure& failure);

/// What an answer says about the connection. Source: RFC 9112 section 9.3.
enum class Persistence {
  implied,     ///< It stays open, as HTTP/1.1 has it without a word.
  keep_alive,  ///< It stays open, which HTTP/1.0 has to be told.
  close,
};
/// A complete answer on the wire; without the body for HEAD.
[[nodiscard]] std::string render(const Reply& reply, std::string_view method,
                                 Persistence persistence, WallTime now);
/// "Mon, 23 Nov 2026 22:29:22 GMT".
[[nodiscard]] std::string http_date(WallTime now);

}  // namespace holdfast::ingress
