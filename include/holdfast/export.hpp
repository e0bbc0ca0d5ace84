#pragma once

/// \def HOLDFAST_EXPORT
/// Marks what the shared libraries show; all else in them is hidden and may change at any time.
#define HOLDFAST_EXPORT __attribute__((visibility("default")))
/// \def HOLDFAST_HIDDEN
/// Marks the inner class of one that is shown, which would be shown with it.
#define HOLDFAST_HIDDEN __attribute__((visibility("hidden")))
