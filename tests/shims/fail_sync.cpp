// Preloaded into the real daemon: while the file named by HOLDFAST_FAIL_SYNC exists, every sync
// fails with EIO, as a dying disk would have it.

#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

int sync_or_fail(const char* name, int descriptor) {
  const char* trigger = std::getenv("HOLDFAST_FAIL_SYNC");
  if (trigger != nullptr && access(trigger, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  using Sync = int (*)(int);
  return reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name))(descriptor);
}

}  // namespace

extern "C" int fsync(int descriptor) {
  return sync_or_fail("fsync", descriptor);
}
extern "C" int fdatasync(int descriptor) {
  return sync_or_fail("fdatasync", descriptor);
}
