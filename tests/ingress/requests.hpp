#pragma once

#include <initializer_list>
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

inline std::vector<Secret> secrets(std::initializer_list<const char*> texts) {
  std::vector<Secret> made;
  for (const auto* text : texts) made.emplace_back(text);
  return made;
}

inline std::string flip_bit(std::string_view text, std::size_t at, int bit = 0) {
  std::string changed(text);
  changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
  return changed;
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
