#include "ingress/verify/parts.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/encoding.hpp"

namespace holdfast::ingress::verify {
namespace {

constexpr std::size_t timestamp_digits_max = 12;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::optional<std::string> from_base64_text(std::string_view text, bool url_alphabet) {
  if (url_alphabet && text.find_first_of("+/") != std::string_view::npos) return std::nullopt;
  std::string standard(text);
  if (url_alphabet) {
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
  }
  if (!text.ends_with('=')) standard.append((4 - standard.size() % 4) % 4, '=');
  auto bytes = base::from_base64(standard);
  if (!bytes || base::to_base64(*bytes) != standard) return std::nullopt;
  return bytes;
}

std::optional<std::string> from_prefixed_hex(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return base::from_hex(text.substr(prefix.size()));
}

std::optional<std::chrono::sys_seconds> parse_timestamp(std::string_view text) {
  if (text.empty() || text.size() > timestamp_digits_max || !std::ranges::all_of(text, is_digit))
    return std::nullopt;
  // Under "{body}{timestamp}" the end of a body could move over to it otherwise.
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

Verdict judge(bool genuine) {
  return {genuine ? Finding::verified : Finding::unverified};
}

Verdict judge(bool genuine, std::chrono::sys_seconds signed_at, WallTime now,
              std::chrono::milliseconds tolerance) {
  const auto offset = signed_at - std::chrono::floor<std::chrono::seconds>(now);
  if (!genuine || std::chrono::abs(offset) <= tolerance) return judge(genuine);
  return {Finding::out_of_window, offset};
}

}  // namespace holdfast::ingress::verify
