#pragma once

#include <chrono>

/// What the options of a program can ask for at most.
namespace holdfast::wrapper {

/// Of every wait. Nobody waits for longer than a day, and sums of such times cannot overflow.
inline constexpr std::chrono::milliseconds wait_max = std::chrono::hours(24);

}  // namespace holdfast::wrapper
