#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "base/encoding.hpp"

namespace holdfast::base {

/// Headers whose values are never stored: they read "***" wherever they are asked for.
inline constexpr std::array<std::string_view, 4> secret_headers{
    "Authorization", "Proxy-Authorization", "Cookie", "X-Telegram-Bot-Api-Secret-Token"};

[[nodiscard]] inline bool is_secret_header(std::string_view name) {
  return std::ranges::any_of(secret_headers,
                             [&](auto secret) { return equal_ignore_case(name, secret); });
}

}  // namespace holdfast::base
