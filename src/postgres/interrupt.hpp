#pragma once

namespace holdfast::postgres {

/// Lets another thread end a wait on a socket, by a descriptor that is waited on beside it.
/// Nothing is done to the socket itself, so a closed and reused descriptor can never be hit.
/// A raise holds until it is consumed: one that comes just before the wait is not lost.
///
/// Threads:  raise: any; the rest: the waiting thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void raise();
  /// Forgets what was raised so far.
  void consume();
  /// Readable while raised.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace holdfast::postgres
