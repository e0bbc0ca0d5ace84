// Request heads: what is taken must be what is written in the bytes, line by line, in one way only.

#include <algorithm>
#include <expected>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "fuzz/target.hpp"
#include "ingress/head.hpp"

namespace holdfast::fuzz {
namespace {

using ingress::RequestHead;

constexpr ingress::HeadLimits limits{200, 12, 600};

struct Read {
  int status = 0;  ///< Of the fault; 0: none.
  std::size_t size = 0;
  bool complete = false;
  RequestHead head;
};

Read read(std::string_view input, std::size_t step) {
  ingress::HeadParser parser(limits);
  Read result;
  for (std::size_t seen = 0; seen < input.size() && !result.complete;) {
    seen = std::min(seen + step, input.size());
    const auto done = parser.advance(input.substr(0, seen));
    if (!done) {
      HOLDFAST_CHECK(!done.error().detail.empty(), "a fault says what is wrong");
      result.status = done.error().status;
      return result;
    }
    result.complete = *done;
  }
  if (!result.complete) return result;
  result.size = parser.size();
  result.head = parser.take();
  return result;
}

/// Of two things that are wrong, what comes in pieces may tell the other one.
bool same(const Read& a, const Read& b) {
  if (a.status != 0 || b.status != 0) return a.status != 0 && b.status != 0;
  return a.size == b.size && a.complete == b.complete && a.head.method == b.head.method &&
         a.head.target == b.head.target && a.head.headers == b.head.headers &&
         a.head.host == b.head.host && a.head.chunked == b.head.chunked &&
         a.head.content_length == b.head.content_length && a.head.keep_alive == b.head.keep_alive;
}

/// Goes through the bytes again, by their lines.
void check_lines(std::string_view bytes, const RequestHead& head) {
  HOLDFAST_CHECK(bytes.ends_with("\r\n\r\n"), "a head ends in an empty line");
  HOLDFAST_CHECK(std::ranges::count(bytes, '\n') == std::ranges::count(bytes, '\r'), "no bare end");
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const auto take_line = [&] {
    const auto line = bytes.substr(0, bytes.find("\r\n"));
    bytes.remove_prefix(line.size() + 2);
    return line;
  };
  const auto first =
      head.method + " " + head.target + " HTTP/1." + (head.version_minor == 1 ? "1" : "0");
  HOLDFAST_CHECK(take_line() == first, "the request line is what is written");
  for (const auto& header : head.headers) {
    const auto line = take_line();
    HOLDFAST_CHECK(line.starts_with(header.name + ":"), "each line is a header of its own");
    auto value = line.substr(header.name.size() + 1);
    HOLDFAST_CHECK(value.contains(header.value), "a value is what is written");
    value.remove_prefix(value.find(header.value));
    value.remove_prefix(header.value.size());
    HOLDFAST_CHECK(value.find_first_not_of(" \t") == std::string_view::npos,
                   "nothing but white space is left out");
  }
  HOLDFAST_CHECK(take_line().empty() && bytes.empty(), "no line is left out");
}

void check_framing(const RequestHead& head) {
  const auto count = [&](std::string_view name) {
    return std::ranges::count_if(
        head.headers, [&](const Header& h) { return base::equal_ignore_case(h.name, name); });
  };
  HOLDFAST_CHECK(count("Host") <= 1 && count("Content-Length") <= 1, "one Host, one length");
  HOLDFAST_CHECK(count("Content-Length") + count("Transfer-Encoding") <= 1, "one framing");
  HOLDFAST_CHECK(head.chunked == (count("Transfer-Encoding") == 1), "the coding counts");
  HOLDFAST_CHECK(!head.chunked || head.version_minor == 1, "HTTP/1.0 has no chunks");
  if (head.content_length > 0)
    HOLDFAST_CHECK(count("Content-Length") == 1, "a length is one that was sent");
  HOLDFAST_CHECK(head.headers.size() <= limits.headers_max, "max_headers holds");
  HOLDFAST_CHECK(head.target.size() <= limits.uri_bytes_max, "max_uri holds");
  HOLDFAST_CHECK(head.target.starts_with(head.path()), "the path begins the target");
  if (!head.query().empty())
    HOLDFAST_CHECK(std::string(head.path()) + "?" + std::string(head.query()) == head.target,
                   "path and query are the target");
}

void check_head(std::string_view input) {
  const auto whole = read(input, input.size() + 1);
  HOLDFAST_CHECK(same(read(input, 1), whole), "how the bytes arrive changes nothing");
  HOLDFAST_CHECK(same(read(input, 5), whole), "how the bytes arrive changes nothing");
  if (whole.status != 0)
    HOLDFAST_CHECK(
        whole.status == 400 || whole.status == 414 || whole.status == 417 || whole.status == 431,
        "a refused head has one of four answers");
  if (!whole.complete) return;
  HOLDFAST_CHECK(same(read(input.substr(0, whole.size), 1), whole), "nothing behind it counts");
  check_lines(input.substr(0, whole.size), whole.head);
  check_framing(whole.head);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("head", holdfast::fuzz::check_head);
