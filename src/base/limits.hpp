#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "holdfast/config.hpp"

/// What the values of a configuration may be, for the file and for a program that fills it by hand.
/// They are part of the contract: docs/configuration.md lists each of them.
namespace holdfast::base {

/// Both ends included; a message names both.
template <class T>
struct Range {
  T min;
  T max;
  [[nodiscard]] constexpr bool holds(T value) const { return value >= min && value <= max; }
};
using CountRange = Range<std::uint32_t>;
using SizeRange = Range<std::uint64_t>;
using DurationRange = Range<std::chrono::milliseconds>;

namespace limits {

using namespace std::chrono_literals;

inline constexpr std::size_t source_name_bytes_max = 64;
/// NAMEDATALEN - 1 of Postgres, which cuts a longer name without a word.
inline constexpr std::size_t schema_bytes_max = 63;
inline constexpr std::size_t dedupe_key_bytes_max = 512;

// [outbox]
inline constexpr std::chrono::milliseconds ten_years = std::chrono::days(3650);
inline constexpr SizeRange max_size{mib, 16'384 * gib};
inline constexpr SizeRange disk_reserve{0, 16'384 * gib};
inline constexpr DurationRange keep{0ms, ten_years};  ///< Delivered, discarded and keys.

// [destination]
inline constexpr CountRange connections{1, 64};
inline constexpr DurationRange economy_window{1s, 24h};
inline constexpr DurationRange idle_close{0ms, 1h};
inline constexpr CountRange batch_entries{1, 10'000};
inline constexpr SizeRange batch_bytes{kib, 64 * mib};
inline constexpr DurationRange connect_timeout{100ms, 5min};
inline constexpr DurationRange deliver_timeout{100ms, 10min};
inline constexpr DurationRange backoff{10ms, 1h};
inline constexpr DurationRange shutdown_timeout{0ms, 10min};

// An append, of a request or of a program. The whole body is in memory until it is durable.
inline constexpr SizeRange max_body{1, 64 * mib};
inline constexpr DurationRange append_timeout{10ms, 5min};
inline constexpr CountRange headers{1, 1000};
inline constexpr SizeRange header_bytes{kib, 512 * kib};
inline constexpr SizeRange uri{64, 64 * kib};
inline constexpr std::size_t entry_text_bytes_max = uri.max;  ///< Each text of a program's entry.

}  // namespace limits
}  // namespace holdfast::base
