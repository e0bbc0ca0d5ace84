#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"

/// What is written where, and how it is kept from driving the terminal.
namespace holdfast::cli {

/// `holdfast: <message>` on standard error, control characters escaped.
void print_error(std::string_view message);

/// Bytes on standard output as they are.
void print(std::string_view text);

/// How standard output wants its text.
struct Style {
  std::optional<std::size_t>
      width;            ///< Columns of a terminal; nullopt: not a terminal, cut nothing.
  bool colour = false;  ///< A terminal, and NO_COLOR is not set.
};
[[nodiscard]] Style output_style();

/// Text that came from outside, fit for a terminal: control and invisible characters and what is
/// not UTF-8 become escapes such as \x1b, so that a hostile key can neither move the cursor nor
/// hide.
[[nodiscard]] std::string printable(std::string_view bytes);

/// The same, with line breaks and tabs left alone.
[[nodiscard]] std::string printable_lines(std::string_view bytes);

/// Characters of UTF-8 text, taken as one column each.
[[nodiscard]] std::size_t columns(std::string_view text);
/// At most `width` columns, the last one "…" if something was cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t width);
/// Filled up with spaces at the right end.
[[nodiscard]] std::string pad(std::string_view text, std::size_t width);

/// "12.3 MiB"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
/// "2d 3h", "4m 5s", "0.2s": two units at the most.
[[nodiscard]] std::string age_text(std::chrono::milliseconds age);

}  // namespace holdfast::cli
