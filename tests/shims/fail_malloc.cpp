// Preloaded into the real daemon: while the page of HOLDFAST_MALLOC_CONTROL counts, allocations of
// a chosen range of numbers find no memory. operator new goes through malloc as well.

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "control.hpp"

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {

using holdfast::shims::Control;

Control* page = nullptr;

/// Before main, on the first thread, and without any allocation.
[[gnu::constructor]] void find_page() {
  const char* const path = std::getenv("HOLDFAST_MALLOC_CONTROL");
  if (path != nullptr) page = holdfast::shims::map_control(path);
}

bool fails() {
  if (page == nullptr || page->counting == 0) return false;
  if (!holdfast::shims::count_and_judge(*page)) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  return fails() ? nullptr : __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  return fails() ? nullptr : __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  return fails() ? nullptr : __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  return fails() ? nullptr : __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return fails() ? nullptr : __libc_memalign(alignment, bytes);
}
int posix_memalign(void** into, std::size_t alignment, std::size_t bytes) {
  void* const made = fails() ? nullptr : __libc_memalign(alignment, bytes);
  if (made == nullptr) return ENOMEM;
  *into = made;
  return 0;
}

}  // extern "C"
