#pragma once

namespace holdfast::base {

/// Prints what was violated and where, then aborts. A defect of ours must never go on.
[[noreturn]] void check_failed(const char* expression, const char* message, const char* file,
                               int line);

}  // namespace holdfast::base

/// Always on, in release too: a violated invariant would sooner or later lose a write.
#define HOLDFAST_CHECK(expression, message)                                     \
  do {                                                                          \
    if (!(expression)) [[unlikely]]                                             \
      ::holdfast::base::check_failed(#expression, message, __FILE__, __LINE__); \
  } while (false)
