#include "ingress/head.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <ranges>
#include <utility>

#include "base/encoding.hpp"

namespace holdfast::ingress {
namespace {

/// Longest method, two spaces and the version around the target of a request line.
constexpr std::size_t method_bytes_max = 32;
constexpr std::size_t line_overhead_bytes = method_bytes_max + 2 + 8;

/// Room for so many at once, so that it need not grow with each.
constexpr std::size_t usual_headers = 8;

std::unexpected<Fault> fault(int status, std::string detail) {
  return std::unexpected(Fault{status, std::move(detail)});
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

/// Control characters that no part of a head may hold; CR and LF are looked at as line ends.
bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7F;
}

/// Printable ASCII and tabs: nothing about them has to be looked at but what they belong to.
constexpr std::array<bool, 256> plain_characters = [] {
  std::array<bool, 256> plain{};
  std::fill(plain.begin() + 0x20, plain.begin() + 0x7F, true);
  plain['\t'] = true;
  return plain;
}();

/// The first character at or behind `at` that has to be looked at; the end if there is none.
std::size_t skip_plain(std::string_view text, std::size_t at) {
  while (at < text.size() && plain_characters[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

/// Source: RFC 9110 section 7.2: a host, perhaps a port; never user information, a path or a list.
bool is_host(std::string_view text) {
  static constexpr std::string_view marks = "-._~!$&'()*+;=:[]%";
  return std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || marks.contains(c); });
}

/// Digits only; a number that 64 bits cannot hold is the largest one, and so too large for any
/// limit.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  return value;
}

}  // namespace

bool is_token_character(char c) {
  static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return is_alphanumeric(c) || marks.contains(c);
}

std::string_view RequestHead::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view RequestHead::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark + 1);
}

std::optional<std::string_view> RequestHead::only(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& header : headers) {
    if (!base::equal_ignore_case(header.name, name)) continue;
    if (found) return std::nullopt;
    found = header.value;
  }
  return found;
}

bool RequestHead::has(std::string_view name) const {
  return std::ranges::any_of(
      headers, [&](const Header& header) { return base::equal_ignore_case(header.name, name); });
}

std::string_view RequestHead::first(std::string_view name) const {
  for (const auto& header : headers)
    if (base::equal_ignore_case(header.name, name)) return header.value;
  return {};
}

std::size_t RequestHead::memory() const {
  std::size_t bytes =
      method.capacity() + target.capacity() + host.capacity() + headers.capacity() * sizeof(Header);
  for (const auto& [name, value] : headers) bytes += name.capacity() + value.capacity();
  return bytes;
}

std::expected<bool, Fault> HeadParser::advance(std::string_view received) {
  for (; at_ < received.size(); ++at_) {
    if (at_ == line_start_ || received[at_ - 1] != '\r') at_ = skip_plain(received, at_);
    if (at_ == received.size()) break;
    const char c = received[at_];
    if (is_control(c)) return fault(400, "a control character in the request head");
    if (headers_start_ == 0 && static_cast<unsigned char>(c) >= 0x80)
      return fault(400, "the request line is not ASCII");
    const bool after_cr = at_ > line_start_ && received[at_ - 1] == '\r';
    if (c == '\n' && !after_cr) return fault(400, "a line of the request head ends in a bare LF");
    if (c != '\n' && after_cr) return fault(400, "a bare CR in the request head");
    if (c != '\n') continue;
    const auto line = received.substr(line_start_, at_ - 1 - line_start_);
    line_start_ = at_ + 1;
    auto complete = end_of_line(line);
    if (!complete || *complete) {
      ++at_;
      return complete;
    }
  }
  if (auto step = check_growth(); !step) return std::unexpected(step.error());
  return false;
}

HeadParser::Step HeadParser::check_growth() const {
  if (headers_start_ == 0 && at_ - line_start_ > limits_.uri_bytes_max + line_overhead_bytes + 1)
    return fault(414, "the request target is longer than max_uri");
  // The CR of the empty line that ends the head is not counted.
  if (headers_start_ != 0 && at_ - headers_start_ > limits_.header_bytes_max + 1)
    return fault(431, "the request headers are larger than max_header_bytes");
  return {};
}

std::expected<bool, Fault> HeadParser::end_of_line(std::string_view line) {
  if (headers_start_ == 0) {
    if (line.empty() && start_ == 0) {
      // RFC 9112 section 2.2: one empty line before a request is left over by old clients.
      start_ = line_start_;
      return false;
    }
    auto step = read_request_line(line);
    headers_start_ = line_start_;
    return step ? std::expected<bool, Fault>(false) : std::unexpected(step.error());
  }
  if (line.empty()) {
    auto step = finish();
    return step ? std::expected<bool, Fault>(true) : std::unexpected(step.error());
  }
  if (line_start_ - headers_start_ > limits_.header_bytes_max)
    return fault(431, "the request headers are larger than max_header_bytes");
  auto step = read_header(line);
  return step ? std::expected<bool, Fault>(false) : std::unexpected(step.error());
}

HeadParser::Step HeadParser::read_request_line(std::string_view line) {
  const auto first_space = line.find(' ');
  const auto last_space = line.rfind(' ');
  if (first_space == std::string_view::npos || first_space == last_space)
    return fault(400, "the request line is not METHOD TARGET VERSION");
  const auto method = line.substr(0, first_space);
  const auto target = line.substr(first_space + 1, last_space - first_space - 1);
  const auto version = line.substr(last_space + 1);
  if (target.size() > limits_.uri_bytes_max)
    return fault(414, "the request target is longer than max_uri");
  if (!is_token(method) || method.size() > method_bytes_max)
    return fault(400, "the request method is not a token");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return fault(400, "the protocol version is neither HTTP/1.1 nor HTTP/1.0");
  const auto bad = [](char c) { return c <= ' ' || c > '~' || c == '#'; };
  if (!target.starts_with('/') || std::ranges::any_of(target, bad))
    return fault(400, "the request target is not a path and query in ASCII");
  head_.method = method;
  head_.target = target;
  head_.version_minor = version.back() - '0';
  return {};
}

HeadParser::Step HeadParser::read_header(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t')
    return fault(400, "a header line is folded or starts with white space");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return fault(400, "a header line has no colon");
  const auto name = line.substr(0, colon);
  if (!is_token(name)) return fault(400, "a header name is not a token");
  if (head_.headers.size() >= limits_.headers_max)
    return fault(431, "the request has more headers than max_headers");
  if (head_.headers.empty()) head_.headers.reserve(usual_headers);
  head_.headers.push_back(
      {std::string(name), std::string(base::trim_blanks(line.substr(colon + 1)))});
  return {};
}

HeadParser::Step HeadParser::finish() {
  if (auto step = read_framing(); !step) return step;
  if (auto step = read_host(); !step) return step;
  read_connection();
  const auto expect = head_.only("Expect");
  if (!expect && !head_.first("Expect").empty()) return fault(417, "several Expect headers");
  if (expect && !base::equal_ignore_case(*expect, "100-continue"))
    return fault(417, "the only known expectation is 100-continue");
  // RFC 9110 section 10.1.1: HTTP/1.0 has no interim answers, and without a body none is due.
  head_.expect_continue = expect && head_.version_minor == 1 && head_.has_body();
  return {};
}

HeadParser::Step HeadParser::read_framing() {
  std::size_t lengths = 0;
  std::size_t codings = 0;
  for (const auto& [name, value] : head_.headers) {
    if (base::equal_ignore_case(name, "Content-Length")) {
      const auto length = parse_length(value);
      if (!length) return fault(400, "Content-Length is not a number");
      head_.content_length = *length;
      ++lengths;
    } else if (base::equal_ignore_case(name, "Transfer-Encoding")) {
      if (!base::equal_ignore_case(value, "chunked"))
        return fault(400, "the only Transfer-Encoding that is taken is chunked");
      ++codings;
    }
  }
  if (lengths > 1) return fault(400, "several Content-Length headers");
  if (codings > 1) return fault(400, "several Transfer-Encoding headers");
  if (lengths > 0 && codings > 0)
    return fault(400, "Content-Length and Transfer-Encoding together");
  if (codings > 0 && head_.version_minor == 0)
    return fault(400, "Transfer-Encoding in an HTTP/1.0 request");
  head_.chunked = codings > 0;
  return {};
}

HeadParser::Step HeadParser::read_host() {
  const auto is_host_header = [](const Header& h) {
    return base::equal_ignore_case(h.name, "Host");
  };
  const auto count = std::ranges::count_if(head_.headers, is_host_header);
  if (count > 1) return fault(400, "several Host headers");
  if (count == 0 && head_.version_minor == 1) return fault(400, "the Host header is missing");
  head_.host = head_.first("Host");
  if (!is_host(head_.host)) return fault(400, "the Host header is not a host and port");
  return {};
}

void HeadParser::read_connection() {
  bool close = false;
  bool keep_alive = false;
  for (const auto& [name, value] : head_.headers) {
    if (!base::equal_ignore_case(name, "Connection")) continue;
    for (const auto part : std::views::split(value, ',')) {
      const auto option = base::trim_blanks(std::string_view(part));
      close = close || base::equal_ignore_case(option, "close");
      keep_alive = keep_alive || base::equal_ignore_case(option, "keep-alive");
    }
  }
  head_.keep_alive = !close && (head_.version_minor == 1 || keep_alive);
}

}  // namespace holdfast::ingress
