#include "ingress/message_stream.hpp"

#include <algorithm>
#include <cstring>
#include <format>

namespace holdfast::ingress {
namespace {

/// Every request is one for "/": the path was looked up before, on its raw bytes.
std::string canonical_head(const RequestHead& head) {
  std::string text = std::format("{} / HTTP/1.1\r\nHost: holdfast\r\n", head.method);
  if (head.chunked) {
    text += "Transfer-Encoding: chunked\r\n";
  } else {
    text += std::format("Content-Length: {}\r\n", head.content_length);
  }
  if (head.expect_continue) text += "Expect: 100-continue\r\n";
  return text + "\r\n";
}

}  // namespace

MessageStream::MessageStream(Connection& connection, const RequestHead& head, SteadyTime deadline)
    : connection_(connection),
      chunked_(head.chunked),
      deadline_(deadline),
      head_(canonical_head(head)),
      remaining_(head.content_length) {}

bool MessageStream::complete() const {
  return !fault_ && (chunked_ ? chunks_.complete() : remaining_ == 0);
}

ssize_t MessageStream::read(char* into, std::size_t size) {
  if (head_read_ < head_.size()) {
    const auto count = std::min(size, head_.size() - head_read_);
    std::memcpy(into, head_.data() + head_read_, count);
    head_read_ += count;
    return static_cast<ssize_t>(count);
  }
  if (complete()) return 0;
  if (abandoned_ || fault_ || !wait_for_bytes()) return -1;
  return read_body(into, size);
}

ssize_t MessageStream::read_body(char* into, std::size_t size) {
  auto bytes = connection_.buffered().substr(0, size);
  if (chunked_) {
    const auto belonging = chunks_.accept(bytes);
    if (!belonging) {
      fault_ = belonging.error();
      return -1;
    }
    bytes = bytes.substr(0, *belonging);
  } else {
    bytes = bytes.substr(0, remaining_);
    remaining_ -= bytes.size();
  }
  std::memcpy(into, bytes.data(), bytes.size());
  connection_.consume(bytes.size());
  return static_cast<ssize_t>(bytes.size());
}

bool MessageStream::wait_for_bytes() {
  if (!connection_.buffered().empty()) return true;
  switch (connection_.fill(deadline_)) {
    case Connection::Fill::data: return true;
    case Connection::Fill::timed_out:
      fault_ = Fault{408, "the request was not complete within request_deadline"};
      return false;
    case Connection::Fill::closed:
      fault_ = Fault{400, "the body ended before its announced end"};
      return false;
  }
  return false;
}

ssize_t MessageStream::write(const char* bytes, std::size_t size) {
  return connection_.send({bytes, size}) ? static_cast<ssize_t>(size) : -1;
}

void MessageStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void MessageStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace holdfast::ingress
