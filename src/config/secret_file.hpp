#pragma once

#include <expected>
#include <string>
#include <vector>

namespace holdfast::config {

/// A whole file of at most `bytes_max` bytes.
/// Blocks:   on the file; a FIFO or device is refused, because reading it might never end.
/// Errors:   what is wrong, to follow the name of the file: "cannot be read: Permission denied; …".
[[nodiscard]] std::expected<std::string, std::string> read_small_file(const std::string& path,
                                                                      std::size_t bytes_max);

/// The secrets in a file, one a line; empty lines and the ends of lines (LF or CRLF) do not count.
/// Errors:   as above, and if there is none.
[[nodiscard]] std::expected<std::vector<std::string>, std::string> read_secret_file(
    const std::string& path);

}  // namespace holdfast::config
