// The outbox keeps headers as netstrings: any list is read back, and damage is told.

#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"
#include "outbox/header_codec.hpp"

namespace holdfast::fuzz {
namespace {

void check_headers(std::string_view input) {
  if (const auto headers = outbox::decode_headers(input)) {
    const auto bytes = outbox::encode_headers(*headers);
    HOLDFAST_CHECK(outbox::decode_headers(bytes) == *headers, "what is read can be written");
    HOLDFAST_CHECK(bytes.size() <= input.size(), "and has no shorter form");
    if (!bytes.empty())
      HOLDFAST_CHECK(!outbox::decode_headers(bytes.substr(0, bytes.size() - 1)), "a cut is told");
  }
  std::vector<Header> headers;
  while (!input.empty()) {
    const auto name = take_until(input, '\n');
    headers.push_back({std::string(name), std::string(take_until(input, '\n'))});
  }
  HOLDFAST_CHECK(outbox::decode_headers(outbox::encode_headers(headers)) == headers,
                 "any list is read back");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("headers", holdfast::fuzz::check_headers);
