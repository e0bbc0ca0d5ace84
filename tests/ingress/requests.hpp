#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/config.hpp"
#include "ingress/head.hpp"

namespace holdfast::ingress::test {

/// A head as HeadParser would give it, for the tests of what comes behind it.
inline RequestHead head_of(std::string_view method, std::string_view target,
                           std::vector<Header> headers = {}) {
  RequestHead head;
  head.method = method;
  head.target = target;
  head.headers = std::move(headers);
  head.host = "hooks.example.com";
  return head;
}

/// A source with the fields that most tests need; the others are set where they matter.
inline SourceConfig source_of(std::string name, Provider provider, std::string dedupe = "") {
  SourceConfig source;
  source.name = std::move(name);
  source.provider = provider;
  source.dedupe = std::move(dedupe);
  return source;
}

/// Reads a whole head in one piece.
inline std::expected<RequestHead, Fault> parse(std::string_view text, HeadLimits limits = {}) {
  HeadParser parser(limits);
  const auto complete = parser.advance(text);
  if (!complete) return std::unexpected(complete.error());
  if (!*complete) return std::unexpected(Fault{0, "incomplete"});
  return parser.take();
}

/// The status that a head is refused with; 200 if it is taken, 0 if it is not complete.
inline int status_of(std::string_view text, HeadLimits limits = {}) {
  const auto head = parse(text, limits);
  return head ? 200 : head.error().status;
}

}  // namespace holdfast::ingress::test
