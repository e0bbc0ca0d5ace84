#include "cli/signals.hpp"

#include <pthread.h>
#include <unistd.h>

#include "base/check.hpp"

namespace holdfast::cli {
namespace {

extern "C" void exit_at_once(int) {
  _exit(1);
}

}  // namespace

Signals::Signals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGHUP);
  HOLDFAST_CHECK(pthread_sigmask(SIG_BLOCK, &set_, nullptr) == 0, "signals can be blocked");
  std::signal(SIGPIPE, SIG_IGN);
  // A limit on file sizes shall be an I/O error that is reported, not a death without a word.
  std::signal(SIGXFSZ, SIG_IGN);
}

int Signals::wait() {
  int signal = 0;
  HOLDFAST_CHECK(sigwait(&set_, &signal) == 0, "the set of signals is valid");
  return signal;
}

void Signals::exit_on_next() {
  struct sigaction action{};
  action.sa_handler = exit_at_once;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
}

}  // namespace holdfast::cli
