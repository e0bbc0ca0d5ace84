#include "http_load.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <format>
#include <span>
#include <stdexcept>
#include <string_view>

namespace holdfast::bench {
namespace {

constexpr std::int64_t second = 1'000'000'000;
/// An answer that takes longer than this after the end counts as none.
constexpr std::int64_t patience = 20 * second;
/// With more failures than this something is wrong that further requests will not tell.
constexpr std::uint64_t failures_max = 1000;

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// A request as bytes, with the places where its key goes.
struct Template {
  explicit Template(const LoadOptions& options) {
    const std::string key(key_bytes, '0');
    std::string members = options.members;
    if (const auto at = members.find('@'); at != std::string::npos) members.replace(at, 1, "000");
    std::string body = std::format(R"({{"id":"{}",{}"kind":"message","text":")", key, members);
    const auto fixed = body.size() + 2;
    body += std::string(options.body_bytes > fixed ? options.body_bytes - fixed : 0, 'x') + "\"}";
    text = std::format(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n"
        "X-Key: {}\r\n{}Content-Length: {}\r\n\r\n",
        options.path, options.port, key, options.connect_each ? "Connection: close\r\n" : "",
        body.size());
    header_key = text.find(key);
    body_key = text.size() + body.find(key);
    if (const auto at = options.members.find('@'); at != std::string::npos)
      number = text.size() + body.find(members) + at;
    text += body;
  }

  static constexpr std::size_t key_bytes = 24;
  std::string text;
  std::size_t header_key = 0;
  std::size_t body_key = 0;
  std::size_t number = 0;  ///< 0: none.
};

/// One connection, and the request that is on it.
struct Sender {
  int socket = -1;
  std::string request;
  std::size_t sent = 0;
  std::string answer;
  std::int64_t due = 0;
  std::int64_t started = 0;
  std::uint32_t watched = 0;  ///< Events that epoll looks for.
  bool busy = false;
};

/// Status and whole length of an answer whose head is complete; 0 as length: not complete yet.
struct Head {
  int status = 0;
  std::size_t length = 0;
};

Head read_head(std::string_view answer) {
  const auto end = answer.find("\r\n\r\n");
  if (end == std::string_view::npos || answer.size() < 12) return {};
  Head head;
  std::from_chars(answer.data() + 9, answer.data() + 12, head.status);
  constexpr std::string_view name = "content-length:";
  for (std::size_t at = answer.find("\r\n"); at < end; at = answer.find("\r\n", at + 2)) {
    const auto line = answer.substr(at + 2, name.size());
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    auto value = answer.substr(at + 2 + name.size());
    while (value.starts_with(' ')) value.remove_prefix(1);
    std::size_t body = 0;
    std::from_chars(value.data(), value.data() + value.size(), body);
    head.length = end + 4 + body;
    return head;
  }
  throw std::runtime_error("reading an answer: it has no Content-Length");
}

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options), request_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    senders_.resize(options.connections);
    // Unique over all runs on one outbox.
    salt_ = std::format("{:016x}", static_cast<std::uint64_t>(
                                       std::chrono::system_clock::now().time_since_epoch().count() ^
                                       (std::int64_t{::getpid()} << 40)));
    for (auto& sender : senders_) {
      sender.request = request_.text;
      for (const auto at : {request_.header_key, request_.body_key})
        sender.request.replace(at, salt_.size(), salt_);
    }
  }
  ~Load() {
    for (auto& sender : senders_) disconnect(sender);
    ::close(epoll_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  LoadResult run();

 private:
  void send_what_is_due();
  void start(Sender& sender, std::int64_t due);
  void connect(Sender& sender);
  void disconnect(Sender& sender);
  void watch(Sender& sender, std::uint32_t events);
  void send_rest(Sender& sender);
  void receive(Sender& sender);
  void finish(Sender& sender, const Head& head);
  void fail(Sender& sender, const std::string& why);
  void next(Sender& sender);
  [[nodiscard]] bool over() const {
    return started_ >= options_.requests || result_.failed > failures_max || now() >= end_;
  }
  [[nodiscard]] timespec until_next() const;

  const LoadOptions options_;
  const Template request_;
  const int epoll_;
  std::string salt_;
  std::vector<Sender> senders_;
  std::vector<Sender*> idle_;
  std::uint64_t started_ = 0;
  std::size_t busy_ = 0;
  std::int64_t measured_from_ = 0;
  std::int64_t end_ = 0;
  std::int64_t last_answer_ = 0;
  std::int64_t due_ = 0;  ///< When the next request is due, where there is a rate.
  LoadResult result_;
};

LoadResult Load::run() {
  const auto begin = now();
  measured_from_ = begin + static_cast<std::int64_t>(options_.warmup_seconds * second);
  end_ = measured_from_ + static_cast<std::int64_t>(options_.seconds * second);
  due_ = begin;
  for (auto& sender : senders_) idle_.push_back(&sender);
  std::array<epoll_event, 256> events{};
  while (true) {
    if (!over()) send_what_is_due();
    if (busy_ == 0 && over()) break;
    if (now() > end_ + patience) {
      for (auto& sender : senders_)
        if (sender.busy) fail(sender, "no answer in time");
      break;
    }
    const auto wait = until_next();
    const int count =
        ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
    for (const auto& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      auto& sender = *static_cast<Sender*>(event.data.ptr);
      if (!sender.busy) {
        // Nothing was asked, so this is the other side's end.
        disconnect(sender);
      } else if (sender.sent < sender.request.size()) {
        send_rest(sender);
      } else {
        receive(sender);
      }
    }
  }
  const auto stopped = std::min(end_, std::max(last_answer_, measured_from_));
  result_.seconds = static_cast<double>(stopped - measured_from_) / second;
  return std::move(result_);
}

timespec Load::until_next() const {
  constexpr std::int64_t longest = second / 10;
  std::int64_t wait = longest;
  if (options_.per_second > 0 && !idle_.empty() && !over())
    wait = std::clamp<std::int64_t>(due_ - now(), 0, longest);
  return {.tv_sec = 0, .tv_nsec = wait};
}

void Load::send_what_is_due() {
  while (!idle_.empty() && !over()) {
    auto due = now();
    if (options_.per_second > 0) {
      if (due_ > due) return;
      due = due_;
      due_ += static_cast<std::int64_t>(second / options_.per_second);
    }
    auto& sender = *idle_.back();
    idle_.pop_back();
    start(sender, due);
  }
}

void Load::start(Sender& sender, std::int64_t due) {
  const auto counter = std::format("{:08x}", ++started_);
  for (const auto at : {request_.header_key, request_.body_key})
    std::memcpy(sender.request.data() + at + salt_.size(), counter.data(), counter.size());
  if (request_.number != 0)
    std::memcpy(sender.request.data() + request_.number,
                std::format("{:03}", started_ % 900 + 100).data(), 3);
  sender.due = due;
  sender.started = options_.per_second > 0 ? now() : due;
  sender.sent = 0;
  sender.answer.clear();
  sender.busy = true;
  ++busy_;
  if (sender.socket < 0) connect(sender);
  send_rest(sender);
}

void Load::connect(Sender& sender) {
  sender.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (sender.socket < 0) throw std::runtime_error("opening a socket: no descriptor");
  const int on = 1;
  ::setsockopt(sender.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // What goes wrong here the send finds out.
  (void)::connect(sender.socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  sender.watched = 0;
}

void Load::disconnect(Sender& sender) {
  if (sender.socket >= 0) ::close(sender.socket);
  sender.socket = -1;
}

void Load::watch(Sender& sender, std::uint32_t events) {
  if (sender.watched == events) return;
  epoll_event event{.events = events, .data = {.ptr = &sender}};
  ::epoll_ctl(epoll_, sender.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, sender.socket, &event);
  sender.watched = events;
}

void Load::send_rest(Sender& sender) {
  while (sender.sent < sender.request.size()) {
    const auto sent = ::send(sender.socket, sender.request.data() + sender.sent,
                             sender.request.size() - sender.sent, MSG_NOSIGNAL);
    if (sent > 0) {
      sender.sent += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EINPROGRESS) {
      watch(sender, EPOLLOUT);
      return;
    } else {
      fail(sender, std::format("sending: {}", std::strerror(errno)));
      return;
    }
  }
  watch(sender, EPOLLIN);
}

void Load::receive(Sender& sender) {
  std::array<char, 4096> bytes;
  const auto count = ::recv(sender.socket, bytes.data(), bytes.size(), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    fail(sender, count == 0 ? "the connection ended before the answer"
                            : std::format("receiving: {}", std::strerror(errno)));
    return;
  }
  sender.answer.append(bytes.data(), static_cast<std::size_t>(count));
  try {
    const auto head = read_head(sender.answer);
    if (head.length != 0 && sender.answer.size() >= head.length) finish(sender, head);
  } catch (const std::runtime_error& problem) {
    fail(sender, problem.what());
  }
}

void Load::finish(Sender& sender, const Head& head) {
  const auto answered = now();
  if (head.status != options_.status) {
    fail(sender, std::format("status {} instead of {}", head.status, options_.status));
    return;
  }
  if (sender.answer.size() > head.length) {
    fail(sender, "more bytes than one answer");
    return;
  }
  ++result_.accepted;
  result_.answer_bytes = sender.answer.size();
  last_answer_ = answered;
  // An answer after the end was late: it is no throughput, but its time counts.
  if (answered >= measured_from_ && answered < end_) ++result_.measured;
  if (answered >= measured_from_) {
    result_.latencies.add(answered - sender.due);
    result_.answers.add(answered - sender.started);
  }
  if (options_.connect_each) disconnect(sender);
  next(sender);
}

void Load::fail(Sender& sender, const std::string& why) {
  if (result_.failed++ == 0) result_.first_failure = why;
  disconnect(sender);
  // Not started anew here: a server that refuses all would have us call ourselves without end.
  sender.busy = false;
  --busy_;
  idle_.push_back(&sender);
}

void Load::next(Sender& sender) {
  sender.busy = false;
  --busy_;
  idle_.push_back(&sender);
  send_what_is_due();
}

}  // namespace

LoadResult run_load(const LoadOptions& options) {
  return Load(options).run();
}

}  // namespace holdfast::bench
