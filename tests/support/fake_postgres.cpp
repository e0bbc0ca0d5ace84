#include "support/fake_postgres.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <format>
#include <list>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/fake_postgres_session.hpp"
#include "support/tcp_gate.hpp"
#include "support/tcp_gate_sockets.hpp"

namespace holdfast::support {

Fault answers(std::string sqlstate, std::string text, std::string constraint) {
  return {.error = {"ERROR", std::move(sqlstate), std::move(text), std::move(constraint)}};
}

Fault ends_with(std::string sqlstate, std::string text) {
  return {.error = {"FATAL", std::move(sqlstate), std::move(text)}};
}

class FakePostgres::Impl {
 public:
  explicit Impl(Options options) {
    state_.with([&](FakeState& state) { state.options = std::move(options); });
    for (int tries = 0; listener_ < 0 && tries < 10; ++tries)
      listener_ = listen_on(port_ = unused_port());
    if (listener_ < 0) throw std::runtime_error("opening a fake server: no port");
    thread_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }
  ~Impl() {
    thread_.request_stop();
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    end_all();
    sessions_.clear();
    close(listener_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void end_all() {
    sockets_.with([](const auto& sockets) {
      for (const int fd : sockets) ::shutdown(fd, SHUT_RDWR);
    });
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  base::Guarded<FakeState>& state() { return state_; }

 private:
  void accept_all(const std::stop_token& stop) {
    // TLS writes to the socket by itself, and a client may be gone by then.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    while (!stop.stop_requested()) {
      pollfd ready{listener_, POLLIN, 0};
      if (::poll(&ready, 1, -1) < 0) continue;
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      send_without_delay(fd);
      state_.with([](FakeState& state) { ++state.connections; });
      sockets_.with([&](auto& sockets) { sockets.insert(fd); });
      sessions_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    // A second descriptor of the socket, so that its number is not used again while it is listed.
    FakeSession(dup(fd), state_).run();
    sockets_.with([&](auto& sockets) { sockets.erase(fd); });
    ::close(fd);
  }

  // Constant after construction.
  std::uint16_t port_ = 0;
  int listener_ = -1;

  // Guarded: any thread.
  base::Guarded<FakeState> state_;
  base::Guarded<std::set<int>> sockets_;

  // Owned by the accepting thread.
  std::list<std::jthread> sessions_;
  std::jthread thread_;
};

FakePostgres::FakePostgres() : FakePostgres(Options{}) {}
FakePostgres::FakePostgres(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
FakePostgres::~FakePostgres() = default;

std::uint16_t FakePostgres::port() const {
  return impl_->port();
}

std::string FakePostgres::url() const {
  return std::format("postgresql://postgres@127.0.0.1:{}/postgres", port());
}

void FakePostgres::fail(Place place, Fault fault, std::uint64_t times) {
  impl_->state().with([&](FakeState& state) { state.faults[place] = {std::move(fault), times}; });
}

void FakePostgres::heal() {
  impl_->state().with([](FakeState& state) { state.faults.clear(); });
}

void FakePostgres::set_options(Options options) {
  impl_->state().with([&](FakeState& state) { state.options = std::move(options); });
}

void FakePostgres::end_all() {
  impl_->end_all();
}

std::vector<FakePostgres::Login> FakePostgres::logins() const {
  return impl_->state().with([](const FakeState& state) { return state.logins; });
}

std::uint64_t FakePostgres::connections() const {
  return impl_->state().with([](const FakeState& state) { return state.connections; });
}

std::uint64_t FakePostgres::visits(Place place) const {
  return impl_->state().with([&](FakeState& state) { return state.visits[place]; });
}

std::vector<FakePostgres::Stored> FakePostgres::stored() const {
  return impl_->state().with([](const FakeState& state) { return state.stored; });
}

bool FakePostgres::holds(const Uuid& id) const {
  return impl_->state().with([&](const FakeState& state) { return state.ids.contains(id); });
}

std::uint64_t FakePostgres::statements() const {
  return impl_->state().with([](const FakeState& state) { return state.statements; });
}

}  // namespace holdfast::support
