#pragma once

#include <cstdio>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/failure.hpp"

namespace holdfast::cli {

/// A file that is there whole or not at all: written beside its place, of mode 0600, synced, and
/// renamed at the end. Or standard output, for "" and "-".
///
/// Threads:  one at a time.
class OutputFile {
 public:
  /// Errors:   refused: no such folder, no right, or something that is no file has the name.
  [[nodiscard]] static std::expected<OutputFile, Failure> open(const std::string& path);
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  /// Errors:   unavailable: a full disk, a closed pipe.
  [[nodiscard]] std::expected<void, Failure> write(std::string_view bytes);
  /// Promise:  on success a power cut takes nothing away again.
  [[nodiscard]] std::expected<void, Failure> finish();

 private:
  OutputFile(std::FILE* stream, std::string path, std::string unfinished);
  [[nodiscard]] Failure failure() const;

  std::FILE* stream_;
  std::string path_;        ///< Empty: standard output.
  std::string unfinished_;  ///< What is to be removed if it comes to nothing.
};

}  // namespace holdfast::cli
