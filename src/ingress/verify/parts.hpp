#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"
#include "holdfast/source.hpp"
#include "ingress/verify/verify.hpp"

/// What several schemes write alike.
namespace holdfast::ingress::verify {

/// The window of every provider that names one: Stripe, Slack, Standard Webhooks.
inline constexpr std::chrono::minutes replay_window{5};
/// Senders write two codes while a secret is changed. A list of hundreds only wants to keep us
/// busy.
inline constexpr std::size_t codes_max = 16;

/// Bytes of base64 in one alphabet, with its padding or without any. Only the one text that these
/// bytes are written as passes: stray bits in the last letter make it another, wrong signature.
[[nodiscard]] std::optional<std::string> from_base64_text(std::string_view text,
                                                          bool url_alphabet = false);

/// The bytes of hex code behind a fixed prefix, such as "sha256=".
[[nodiscard]] std::optional<std::string> from_prefixed_hex(std::string_view text,
                                                           std::string_view prefix);

/// Unix seconds: one to twelve digits and nothing else, so that no sum with it can overflow.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_timestamp(std::string_view text);

/// The verdict on a request without a signed time.
[[nodiscard]] Verdict judge(bool genuine);
/// The verdict on one with it: a time that is further away than `tolerance`, before or behind, is
/// out of the window. Whole seconds count, as in the libraries of the providers.
[[nodiscard]] Verdict judge(bool genuine, std::chrono::sys_seconds signed_at, WallTime now,
                            std::chrono::milliseconds tolerance);

}  // namespace holdfast::ingress::verify
