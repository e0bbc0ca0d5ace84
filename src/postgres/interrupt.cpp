#include "postgres/interrupt.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "holdfast/failure.hpp"

namespace holdfast::postgres {

Interrupt::Interrupt() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0)
    throw Error({FailureKind::unavailable,
                 "preparing the destination: no file descriptor is left; raise `ulimit -n`"});
}

Interrupt::~Interrupt() {
  close(descriptor_);
}

void Interrupt::raise() {
  const std::uint64_t one = 1;
  // It can fail only where the counter is full, and then it is raised.
  (void)!::write(descriptor_, &one, sizeof one);
}

void Interrupt::consume() {
  std::uint64_t count = 0;
  (void)!::read(descriptor_, &count, sizeof count);
}

}  // namespace holdfast::postgres
