#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/entry.hpp"

/// Reading of HTTP/1 request heads: pure, strict, and the only reader of what the sender wrote.
/// What two readers could understand differently (a proxy before us, the HTTP library behind us) is
/// refused, because that difference is what request smuggling lives on.
/// Source: RFC 9112 sections 2 to 6, RFC 9110 section 5.
namespace holdfast::ingress {

/// A character that names of methods and header lines are made of: RFC 9110 section 5.6.2, tchar.
[[nodiscard]] bool is_token_character(char c);

/// What is wrong with a request, as the status and the sentence that its sender gets.
struct Fault {
  int status = 400;
  std::string detail;
};

struct HeadLimits {
  std::uint64_t uri_bytes_max = 8192;      ///< Bytes of the request target.
  std::uint32_t headers_max = 100;         ///< Number of header lines.
  std::uint64_t header_bytes_max = 16384;  ///< All header lines with their line ends.
};

/// A request head as received: nothing is decoded, merged or reordered.
struct RequestHead {
  std::string method;
  std::string target;  ///< Origin form: starts with "/", as sent.
  int version_minor = 1;
  std::vector<Header> headers;  ///< Values without the white space around them.
  std::string host;
  bool chunked = false;
  std::uint64_t content_length = 0;  ///< 0 if there was none.
  bool keep_alive = true;
  bool expect_continue = false;

  [[nodiscard]] std::string_view path() const;   ///< The target up to "?".
  [[nodiscard]] std::string_view query() const;  ///< Behind the first "?", or empty.
  [[nodiscard]] bool has_body() const { return chunked || content_length > 0; }
  /// The value of the header that is there exactly once; nullopt if missing or repeated.
  [[nodiscard]] std::optional<std::string_view> only(std::string_view name) const;
  /// True if it is there, be it once or repeated.
  [[nodiscard]] bool has(std::string_view name) const;
  /// The first value of this name, or empty.
  [[nodiscard]] std::string_view first(std::string_view name) const;
  /// What method, target and headers take, rounded up.
  [[nodiscard]] std::size_t memory() const;
};

/// Reads one head from bytes that arrive in pieces, and refuses it at the first byte that is wrong,
/// so that no sender has to be waited for whose request is refused anyway.
///
/// Threads:  one at a time.
class HeadParser {
 public:
  explicit HeadParser(const HeadLimits& limits) : limits_(limits) {}
  /// Looks at what was received so far, from the first byte of the request on.
  ///
  /// Returns:  true once the head is complete; false while more is needed.
  /// Needs:    each call gets the bytes of the last one and more.
  [[nodiscard]] std::expected<bool, Fault> advance(std::string_view received);
  /// Bytes of the complete head, its empty line included.
  [[nodiscard]] std::size_t size() const { return at_; }
  [[nodiscard]] RequestHead take() { return std::exchange(head_, {}); }
  /// What the head takes that was read so far.
  [[nodiscard]] std::size_t memory() const { return head_.memory(); }
  /// True while nothing but the empty line before a request was seen.
  [[nodiscard]] bool empty() const { return at_ == start_; }

 private:
  using Step = std::expected<void, Fault>;
  [[nodiscard]] Step check_growth() const;
  [[nodiscard]] std::expected<bool, Fault> end_of_line(std::string_view line);
  [[nodiscard]] Step read_request_line(std::string_view line);
  [[nodiscard]] Step read_header(std::string_view line);
  [[nodiscard]] Step finish();
  [[nodiscard]] Step read_framing();
  [[nodiscard]] Step read_host();
  void read_connection();

  HeadLimits limits_;
  RequestHead head_;
  std::size_t at_ = 0;             ///< Next byte to look at.
  std::size_t start_ = 0;          ///< First byte behind a tolerated empty line.
  std::size_t line_start_ = 0;     ///< First byte of the line being read.
  std::size_t headers_start_ = 0;  ///< First byte behind the request line; 0 while that is read.
};

}  // namespace holdfast::ingress
