#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace holdfast::base {

void check_failed(const char* expression, const char* message, const char* file, int line) {
  std::fprintf(stderr, "holdfast: defect: %s (%s) at %s:%d\n", message, expression, file, line);
  std::abort();
}

}  // namespace holdfast::base
