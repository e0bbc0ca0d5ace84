#pragma once

#include <string_view>

#include "holdfast/export.hpp"

/// \def HOLDFAST_VERSION_MAJOR
/// Grows when a program must be changed to go on. While it is 0, the minor version does.
#define HOLDFAST_VERSION_MAJOR 0
/// \def HOLDFAST_VERSION_MINOR
/// Grows with what is new and leaves programs as they are.
#define HOLDFAST_VERSION_MINOR 1
/// \def HOLDFAST_VERSION_PATCH
/// Grows when nothing but faults was mended.
#define HOLDFAST_VERSION_PATCH 0

namespace holdfast {

/// The version of the library that the program runs with, such as "0.1.0"; the macros are of the
/// headers that it was compiled with.
///
/// Source:   Semantic Versioning 2.0.0.
[[nodiscard]] HOLDFAST_EXPORT std::string_view version();

}  // namespace holdfast
