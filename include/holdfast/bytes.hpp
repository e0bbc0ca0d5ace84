#pragma once

#include <cstdint>

namespace holdfast {

inline constexpr std::uint64_t kib = 1024;        ///< Bytes of a KiB, as in `16 * kib`.
inline constexpr std::uint64_t mib = 1024 * kib;  ///< Bytes of a MiB.
inline constexpr std::uint64_t gib = 1024 * mib;  ///< Bytes of a GiB.

}  // namespace holdfast
