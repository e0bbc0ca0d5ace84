#pragma once

/// \def HOLDFAST_EXPORT
/// Marks what the shared libraries show; all else in them is hidden and may change at any time.
#define HOLDFAST_EXPORT __attribute__((visibility("default")))
