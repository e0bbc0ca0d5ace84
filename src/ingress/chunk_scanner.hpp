#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "ingress/head.hpp"

namespace holdfast::ingress {

/// Reads a chunked body strictly: "0x5", "-2" and "5 garbage", which lenient decoders take for
/// sizes, a proxy before us may read in another way. Also tells where the body ends, so that the
/// next request on the connection is left alone.
///
/// Threads:  one at a time.
/// Source:   RFC 9112 section 7.1.
class ChunkScanner {
 public:
  /// Looks at the next bytes of the body, and appends what they hold of its content.
  ///
  /// Returns:  how many of them belong to this body: all of them, unless it ends among them.
  [[nodiscard]] std::expected<std::size_t, Fault> accept(std::string_view bytes,
                                                         std::string* content = nullptr);
  [[nodiscard]] bool complete() const { return state_ == State::complete; }
  /// Bytes of content that the present chunk announces and that have not come yet; while its size
  /// is being read, what it is at least.
  [[nodiscard]] std::uint64_t announced() const { return remaining_; }

 private:
  enum class State {
    size_start,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    end_lf,
    complete,
  };
  using Next = std::expected<State, Fault>;
  [[nodiscard]] Next next(char c);
  [[nodiscard]] Next next_in_size(char c);
  [[nodiscard]] Next next_in_extension(char c);
  [[nodiscard]] Next next_in_trailer(char c);

  State state_ = State::size_start;
  std::uint64_t remaining_ = 0;    ///< Of the chunk: its size while that is read, then its data.
  std::size_t line_bytes_ = 0;     ///< Of the chunk's first line.
  std::size_t trailer_bytes_ = 0;  ///< Of all trailer lines.
  bool trailer_named_ = false;     ///< The trailer line has a name with a colon behind it.
};

}  // namespace holdfast::ingress
