#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/entry.hpp"

/// The bytes of PostgreSQL's protocol 3, as a server reads and writes them. Pure functions.
/// Source:   PostgreSQL 17, "Message Formats".
namespace holdfast::support {

/// Takes what a message holds from its front. Beyond the end everything is zero or empty, so a
/// message that is cut reads as one that says nothing.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::int32_t int32();
  [[nodiscard]] std::int16_t int16();
  /// Up to a NUL, which is taken, too.
  [[nodiscard]] std::string text();
  [[nodiscard]] std::string bytes(std::size_t count);
  [[nodiscard]] bool done() const { return bytes_.empty(); }

 private:
  [[nodiscard]] std::uint64_t number(std::size_t width);
  std::string_view bytes_;
};

/// Big-endian.
[[nodiscard]] std::string wire_int32(std::int32_t value);
[[nodiscard]] std::string wire_int16(std::int16_t value);
/// One message: its type, its length, its content.
[[nodiscard]] std::string wire_message(char type, std::string_view content);

struct WireError {
  std::string severity = "ERROR";
  std::string sqlstate;
  std::string text;
  std::string constraint = {};
};
/// ErrorResponse. Its DETAIL quotes a row value, as a real server's does.
[[nodiscard]] std::string error_message(const WireError& error);
/// What error_message quotes: it must never be seen anywhere.
inline constexpr std::string_view quoted_value = "quoted-row-value";

struct WireColumn {
  std::int32_t type = 25;  ///< By object id; 25 is text.
  bool binary = false;
};
/// RowDescription; the columns have no names.
[[nodiscard]] std::string row_description(const std::vector<WireColumn>& columns);
using WireRow = std::vector<std::optional<std::string>>;
/// DataRow; nullopt: SQL null.
[[nodiscard]] std::string data_row(const WireRow& row);

/// The elements of an array in binary format; a null is empty.
[[nodiscard]] std::vector<std::string> array_elements(std::string_view binary);
[[nodiscard]] Uuid uuid_of_bytes(std::string_view binary);

}  // namespace holdfast::support
