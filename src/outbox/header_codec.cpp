#include "outbox/header_codec.hpp"

#include <charconv>

namespace holdfast::outbox {
namespace {

void put(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
  out += ',';
}

/// Takes one netstring off the front of `bytes`.
std::optional<std::string> take(std::string_view& bytes) {
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), length);
  if (error != std::errc()) return std::nullopt;
  bytes.remove_prefix(static_cast<std::size_t>(end - bytes.data()));
  // Colon, text and comma must be there; written so that no length can overflow.
  if (bytes.size() < 2 || length > bytes.size() - 2) return std::nullopt;
  if (bytes.front() != ':' || bytes[length + 1] != ',') return std::nullopt;
  std::string text(bytes.substr(1, length));
  bytes.remove_prefix(length + 2);
  return text;
}

}  // namespace

std::string encode_headers(const std::vector<Header>& headers) {
  std::string out;
  std::size_t bytes = 0;
  for (const auto& header : headers) bytes += header.name.size() + header.value.size() + 12;
  out.reserve(bytes);
  for (const auto& header : headers) {
    put(out, header.name);
    put(out, header.value);
  }
  return out;
}

std::optional<std::vector<Header>> decode_headers(std::string_view bytes) {
  std::vector<Header> headers;
  while (!bytes.empty()) {
    auto name = take(bytes);
    if (!name) return std::nullopt;
    auto value = take(bytes);
    if (!value) return std::nullopt;
    headers.push_back({std::move(*name), std::move(*value)});
  }
  return headers;
}

}  // namespace holdfast::outbox
