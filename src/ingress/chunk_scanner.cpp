#include "ingress/chunk_scanner.hpp"

#include <algorithm>
#include <string>

namespace holdfast::ingress {
namespace {

/// Enough for a signature in an extension; endless ones are an attack.
constexpr std::size_t line_bytes_max = 256;
constexpr std::size_t size_digits_max = 15;
constexpr std::size_t trailer_bytes_max = 8192;

std::unexpected<Fault> fault(std::string detail) {
  return std::unexpected(Fault{400, std::move(detail)});
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7F);
}

}  // namespace

std::expected<std::size_t, Fault> ChunkScanner::accept(std::string_view bytes,
                                                       std::string* content) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ != State::complete) {
    if (state_ == State::data) {
      const auto step = std::min<std::uint64_t>(remaining_, bytes.size() - at);
      if (content != nullptr) content->append(bytes.substr(at, step));
      remaining_ -= step;
      at += step;
      if (remaining_ == 0) state_ = State::data_cr;
      continue;
    }
    const auto following = next(bytes[at]);
    if (!following) return std::unexpected(following.error());
    state_ = *following;
    ++at;
  }
  return at;
}

ChunkScanner::Next ChunkScanner::next(char c) {
  switch (state_) {
    case State::size_start:
      remaining_ = 0;
      line_bytes_ = 0;
      if (hex_digit(c) < 0) return fault("a chunk does not start with its size in hex");
      return next_in_size(c);
    case State::size: return next_in_size(c);
    case State::extension: return next_in_extension(c);
    case State::size_lf:
      if (c != '\n') return fault("a bare CR behind a chunk size");
      return remaining_ == 0 ? State::trailer_start : State::data;
    case State::data_cr:
      if (c != '\r') return fault("a chunk is longer than its size");
      return State::data_lf;
    case State::data_lf:
      if (c != '\n') return fault("a chunk is longer than its size");
      return State::size_start;
    case State::trailer_start:
      if (c == '\r') return State::end_lf;
      if (c == ' ' || c == '\t') return fault("a trailer line is folded");
      if (c == ':') return fault("a trailer line without a name");
      trailer_named_ = false;
      return next_in_trailer(c);
    case State::trailer: return next_in_trailer(c);
    case State::trailer_lf:
      if (c != '\n') return fault("a bare CR in a trailer");
      return State::trailer_start;
    case State::end_lf:
      if (c != '\n') return fault("a bare CR behind the last chunk");
      return State::complete;
    case State::data:
    case State::complete: break;
  }
  return state_;
}

ChunkScanner::Next ChunkScanner::next_in_size(char c) {
  if (c == '\r') return State::size_lf;
  if (c == ';') return State::extension;
  const int digit = hex_digit(c);
  if (digit < 0) return fault("a chunk size is not a hex number");
  if (++line_bytes_ > size_digits_max) return fault("a chunk size is too large");
  remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
  return State::size;
}

ChunkScanner::Next ChunkScanner::next_in_extension(char c) {
  if (c == '\r') return State::size_lf;
  if (!is_text(c)) return fault("a control character in a chunk extension");
  if (++line_bytes_ > line_bytes_max) return fault("a chunk extension is too long");
  return State::extension;
}

ChunkScanner::Next ChunkScanner::next_in_trailer(char c) {
  if (c == '\r' && !trailer_named_) return fault("a trailer line without a name");
  if (c != ':' && c != '\r' && !trailer_named_ && !is_token_character(c))
    return fault("a trailer's name is not a token");
  if (c == '\r') return State::trailer_lf;
  if (!is_text(c)) return fault("a control character in a trailer");
  if (c == ':') trailer_named_ = true;
  if (++trailer_bytes_ > trailer_bytes_max) return fault("the trailers are too long");
  return State::trailer;
}

}  // namespace holdfast::ingress
