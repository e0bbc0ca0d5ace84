#include "support/tcp_gate.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <format>
#include <functional>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/commit_scanner.hpp"
#include "support/tcp_gate_faults.hpp"
#include "support/tcp_gate_sockets.hpp"

namespace holdfast::support {
namespace {

constexpr std::size_t buffer_bytes_max = 256UL * 1024;

/// One client and, once it has sent something, its server.
struct Link {
  int client = -1;
  int server = -1;
  std::string to_server;
  std::string to_client;
  CommitScanner scanner;
  bool client_ended = false;  ///< It sends no more.
  bool server_ended = false;
  bool tainted = false;  ///< Bytes were thrown away.
  bool cut_when_flushed = false;
  bool orphan = false;  ///< The client was cut inside COMMIT; the server may finish.
  bool dead = false;
};

}  // namespace

class TcpGate::Impl {
 public:
  explicit Impl(std::uint16_t upstream) : upstream_(upstream), wake_(eventfd(0, EFD_CLOEXEC)) {
    for (int tries = 0; listener_ < 0 && tries < 10; ++tries)
      listener_ = listen_on(port_ = unused_port());
    if (listener_ < 0) throw std::runtime_error("opening a gate: no port");
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) run_once();
    });
  }
  ~Impl() {
    thread_.request_stop();
    wake();
    thread_.join();
    for (auto& link : links_) end(link);
    if (listener_ >= 0) close(listener_);
    close(wake_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Runs a function on the gate's thread, the only one that touches what follows, and waits for
  /// it.
  void on_thread(std::function<void()> function) {
    // Shared: the gate's thread may still be leaving the task when the caller goes on.
    const auto task = std::make_shared<std::packaged_task<void()>>(std::move(function));
    const std::scoped_lock one_at_a_time(callers_);
    {
      const std::scoped_lock lock(mutex_);
      command_ = [task] { (*task)(); };
    }
    wake();
    task->get_future().get();
  }

  void set_mode(Mode mode) {
    if (mode != Mode::refuse && listener_ < 0) listener_ = listen_on(port_);
    if (listener_ < 0 && mode != Mode::refuse) throw std::runtime_error("opening the gate again");
    if (mode == Mode::refuse && listener_ >= 0) close(std::exchange(listener_, -1));
    mode_ = mode;
    for (auto& link : links_)
      if (link.tainted && !swallows()) cut(link);
    bury();
  }
  [[nodiscard]] bool swallows() const {
    return mode_ == Mode::black_hole || mode_ == Mode::half_open;
  }
  void cut_all() {
    for (auto& link : links_) cut(link);
    bury();
  }

  [[nodiscard]] ArmedFaults& armed(Direction direction) {
    return armed_[static_cast<std::size_t>(direction)];
  }

  // Owned by the gate's thread.
  std::uint16_t upstream_;
  std::uint16_t port_ = 0;
  Mode mode_ = Mode::pass;
  CommitCut commit_cut_ = CommitCut::none;
  std::uint64_t commit_cuts_left_ = 0;
  std::array<ArmedFaults, 2> armed_;  ///< By direction.
  Throttle throttle_;
  Counts counts_;
  std::list<Link> links_;

 private:
  void wake() const {
    const std::uint64_t one = 1;
    (void)!write(wake_, &one, sizeof one);
  }
  static void end(Link& link) {
    close_with_reset(link.client);
    // Without a reset: the server must still see what was forwarded.
    if (link.server >= 0) close(std::exchange(link.server, -1));
    link.dead = true;
  }
  void cut(Link& link) {
    if (!link.dead) ++counts_.cuts;
    end(link);
  }
  void bury() {
    links_.remove_if([](const Link& link) { return link.dead; });
  }

  void run_once();
  void accept_all();
  void serve(Link& link, short client_events, short server_events);
  void read_client(Link& link);
  void read_server(Link& link);
  void take(Link& link, std::string_view bytes);
  [[nodiscard]] bool cut_at_commit(Link& link, std::string_view bytes);
  void flush(Link& link, int to, std::string& buffer, std::uint64_t& counter);

  int listener_ = -1;
  int wake_;
  std::mutex callers_;
  std::mutex mutex_;
  std::function<void()> command_;  // Guarded by mutex_.
  std::jthread thread_;
};

void TcpGate::Impl::run_once() {
  std::vector<pollfd> fds{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
  const bool slow = throttle_.limits();
  for (const auto& link : links_) {
    const bool still = mode_ == Mode::stall;
    const auto events = [](bool in, bool out) {
      return static_cast<short>((in ? POLLIN : 0) | (out ? POLLOUT : 0));
    };
    const short client = events(!link.client_ended && link.to_server.size() < buffer_bytes_max,
                                !slow && !link.to_client.empty());
    const short server = events(!link.server_ended && link.to_client.size() < buffer_bytes_max,
                                !slow && !link.to_server.empty());
    fds.push_back({still || client == 0 ? -1 : link.client, client, 0});
    fds.push_back({still || server == 0 ? -1 : link.server, server, 0});
  }
  // A slow gate looks by itself at what may go by now.
  ::poll(fds.data(), fds.size(), slow ? 10 : -1);
  std::size_t at = 2;
  for (auto& link : links_) {
    serve(link, fds[at].revents, fds[at + 1].revents);
    at += 2;
  }
  if (fds[1].revents != 0) accept_all();
  bury();
  if (fds[0].revents == 0) return;
  std::uint64_t ignored = 0;
  (void)!read(wake_, &ignored, sizeof ignored);
  std::function<void()> command;
  {
    const std::scoped_lock lock(mutex_);
    command = std::exchange(command_, nullptr);
  }
  if (command) command();
}

void TcpGate::Impl::accept_all() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    links_.emplace_back().client = fd;
    ++counts_.connections;
  }
}

void TcpGate::Impl::serve(Link& link, short client_events, short server_events) {
  if (client_events != 0) read_client(link);
  if (server_events != 0 && !link.dead) read_server(link);
  if (link.dead) return;
  if (link.server >= 0) flush(link, link.server, link.to_server, counts_.bytes_to_server);
  if (link.client >= 0) flush(link, link.client, link.to_client, counts_.bytes_to_client);
  if (link.dead || !link.to_server.empty()) return;
  if (link.cut_when_flushed && link.to_client.empty()) return cut(link);
  if (mode_ == Mode::half_open && link.tainted) return;
  if (link.client_ended && !link.orphan && link.server < 0) return end(link);
  if (link.client_ended && link.server >= 0) shutdown(link.server, SHUT_WR);
  if (link.server_ended && link.to_client.empty()) end(link);
}

void TcpGate::Impl::read_client(Link& link) {
  if (link.client < 0) return;
  std::array<char, 65536> chunk;
  const ssize_t got = recv(link.client, chunk.data(), chunk.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (mode_ == Mode::half_open) {
    // The other side must not hear of an end either.
    link.tainted = true;
    link.client_ended = link.client_ended || got <= 0;
    return;
  }
  if (got < 0) return end(link);
  if (got == 0) {
    link.client_ended = true;
    return;
  }
  if (mode_ == Mode::black_hole) {
    link.tainted = true;
    return;
  }
  take(link, {chunk.data(), static_cast<std::size_t>(got)});
}

void TcpGate::Impl::take(Link& link, std::string_view bytes) {
  if (link.server < 0) link.server = connect_to(upstream_);
  if (link.server < 0) return end(link);
  if (cut_at_commit(link, bytes)) return;
  std::string passed(bytes);
  if (armed(Direction::to_server).pass(passed)) link.cut_when_flushed = true;
  link.to_server += passed;
}

/// True if the connection was cut here; the bytes are then dealt with.
bool TcpGate::Impl::cut_at_commit(Link& link, std::string_view bytes) {
  using Found = CommitScanner::Found;
  std::size_t at = 0;
  for (;;) {
    const Found found = link.scanner.next(bytes, at);
    if (found == Found::nothing) return false;
    if (found == Found::begin) ++counts_.commits_seen;
    if (commit_cuts_left_ == 0) continue;
    const bool before = commit_cut_ == CommitCut::before_forward;
    if (before != (found == Found::begin)) continue;
    --commit_cuts_left_;
    ++counts_.commits_cut;
    if (before) {
      cut(link);
      return true;
    }
    link.to_server += bytes.substr(0, at);
    link.orphan = true;
    link.client_ended = false;
    ++counts_.cuts;
    close_with_reset(link.client);
    return true;
  }
}

void TcpGate::Impl::read_server(Link& link) {
  std::array<char, 65536> chunk;
  const ssize_t got = recv(link.server, chunk.data(), chunk.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (mode_ == Mode::half_open) {
    link.tainted = true;
    link.server_ended = link.server_ended || got <= 0;
    return;
  }
  if (got < 0) return end(link);
  // The server of an orphan has answered, so it has committed: nothing is left to wait for.
  if (link.orphan && (got == 0 || link.to_server.empty())) return end(link);
  if (got == 0) {
    link.server_ended = true;
  } else if (mode_ == Mode::black_hole) {
    link.tainted = true;
  } else if (!link.orphan) {
    std::string passed(chunk.data(), static_cast<std::size_t>(got));
    if (armed(Direction::to_client).pass(passed)) link.cut_when_flushed = true;
    link.to_client += passed;
  }
}

void TcpGate::Impl::flush(Link& link, int to, std::string& buffer, std::uint64_t& counter) {
  while (!buffer.empty() && !link.dead) {
    const std::size_t allowed = throttle_.allowed(buffer.size());
    if (allowed == 0) return;
    const ssize_t sent = send(to, buffer.data(), allowed, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) return end(link);
    counter += static_cast<std::uint64_t>(sent);
    throttle_.spend(static_cast<std::size_t>(sent));
    buffer.erase(0, static_cast<std::size_t>(sent));
  }
}

TcpGate::TcpGate(std::uint16_t upstream_port) : impl_(std::make_unique<Impl>(upstream_port)) {}
TcpGate::~TcpGate() = default;

std::uint16_t TcpGate::port() const {
  return impl_->port_;
}

std::string TcpGate::url() const {
  return std::format("postgresql://postgres@127.0.0.1:{}/postgres", port());
}

void TcpGate::set_upstream(std::uint16_t port) {
  impl_->on_thread([&] { impl_->upstream_ = port; });
}

void TcpGate::set_mode(Mode mode) {
  impl_->on_thread([&] { impl_->set_mode(mode); });
}

void TcpGate::cut_all() {
  impl_->on_thread([&] { impl_->cut_all(); });
}

void TcpGate::cut_inside_commit(CommitCut where, std::uint64_t times) {
  impl_->on_thread([&] {
    impl_->commit_cut_ = where;
    impl_->commit_cuts_left_ = where == CommitCut::none ? 0 : times;
  });
}

void TcpGate::cut_after_bytes(std::uint64_t bytes, Direction direction) {
  impl_->on_thread([&] { impl_->armed(direction).bytes_until_cut = bytes; });
}

void TcpGate::flip_byte(std::uint64_t offset, Direction direction, std::uint8_t bits) {
  impl_->on_thread([&] {
    impl_->armed(direction).bytes_until_flip = offset;
    impl_->armed(direction).flipped_bits = bits;
  });
}

void TcpGate::set_speed(std::uint64_t bytes_per_second) {
  impl_->on_thread([&] { impl_->throttle_.set_bytes_per_second(bytes_per_second); });
}

void TcpGate::heal() {
  impl_->on_thread([&] {
    impl_->commit_cuts_left_ = 0;
    for (auto& armed : impl_->armed_) {
      const auto flips = armed.flips;
      armed = {};
      armed.flips = flips;
    }
    impl_->throttle_.set_bytes_per_second(0);
    impl_->set_mode(Mode::pass);
  });
}

TcpGate::Counts TcpGate::counts() const {
  Counts counts;
  impl_->on_thread([&] {
    counts = impl_->counts_;
    for (const auto& armed : impl_->armed_) counts.flips += armed.flips;
  });
  return counts;
}

std::size_t TcpGate::open_connections() const {
  std::size_t count = 0;
  impl_->on_thread([&] { count = impl_->links_.size(); });
  return count;
}

}  // namespace holdfast::support
