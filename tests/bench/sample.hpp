#pragma once

#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <string_view>

namespace holdfast::bench {

inline constexpr std::string_view sample_target = "/ingest/bench";
inline constexpr std::string_view sample_type = "application/json";

inline std::string sample_key(std::uint64_t number) {
  return std::format("key-{:020}", number);
}

/// JSON of that many bytes, as the load generator sends it: an id, one of 1,000 users, a text.
inline std::string sample_body(std::uint64_t number, std::size_t bytes) {
  auto body = std::format(R"({{"id":"{}","user":"u{}","kind":"message","text":")",
                          sample_key(number), number % 1000);
  const auto fixed = body.size() + 2;
  return body + std::string(bytes > fixed ? bytes - fixed : 0, 'x') + "\"}";
}

}  // namespace holdfast::bench
