#pragma once

#include <cstdint>
#include <cstdio>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// The lines of an export, read with a limit and checked one by one before anything is sent.
namespace holdfast::cli {

/// The largest document that the admin API takes in one request, with room for what is around it.
inline constexpr std::size_t import_document_bytes_max = 47U * 1024 * 1024;
/// A line may have the body twice, as base64 and as text, which is not sent.
inline constexpr std::size_t import_line_bytes_max = 4 * import_document_bytes_max;

struct ImportLine {
  std::uint64_t number = 0;  ///< From 1.
  std::string text;          ///< Without its line break.
  bool too_long = false;     ///< Then the text is not all of it.
};

/// Threads:  one at a time.
class LineReader {
 public:
  explicit LineReader(std::FILE* stream) : stream_(stream) {}
  /// nullopt at the end, or where reading failed.
  [[nodiscard]] std::optional<ImportLine> next();
  [[nodiscard]] bool failed() const { return std::ferror(stream_) != 0; }

 private:
  std::FILE* stream_;
  std::uint64_t number_ = 0;
};

/// What a line asks for.
struct ImportEntry {
  bool skipped = false;  ///< Delivered or discarded: nothing is to be done any more.
  std::string document;  ///< To be sent otherwise, on one line.
};

/// Checks a line as far as that can be done here: it is a whole entry, and its body is the one that
/// was accepted. Pure.
/// Errors:   the cause, to follow "line 7: ".
[[nodiscard]] std::expected<ImportEntry, std::string> read_import_line(std::string_view text);

}  // namespace holdfast::cli
