#include "cli/output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <format>

#include "base/encoding.hpp"

namespace holdfast::cli {
namespace {

/// Length of the UTF-8 sequence at the start of `rest`, or 0 if there is none.
std::size_t sequence_length(std::string_view rest) {
  for (std::size_t length = 1; length <= 4 && length <= rest.size(); ++length)
    if (base::is_utf8(rest.substr(0, length))) return length;
  return 0;
}

std::uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0);
  std::uint32_t value = byte(0) & (0xFFU >> (sequence.size() + 1));
  for (std::size_t i = 1; i < sequence.size(); ++i) value = (value << 6U) | (byte(i) & 0x3FU);
  return value;
}

/// Control characters, and those that are invisible or turn the direction of writing around.
bool is_unsafe(std::uint32_t point) {
  struct Span {
    std::uint32_t first;
    std::uint32_t last;
  };
  static constexpr Span unsafe[] = {
      {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x200B, 0x200F},
      {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF}};
  for (const auto& span : unsafe)
    if (point >= span.first && point <= span.last) return true;
  return false;
}

std::string escape(std::uint32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\r') return "\\r";
  if (point == '\t') return "\\t";
  return point < 0x100 ? std::format("\\x{:02x}", point) : std::format("\\u{{{:x}}}", point);
}

std::string escaped(std::string_view bytes, std::string_view allowed) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    const auto sequence = bytes.substr(0, length == 0 ? 1 : length);
    if (length == 0) {
      text += escape(static_cast<unsigned char>(bytes.front()));
    } else if (is_unsafe(code_point(sequence)) && !allowed.contains(sequence)) {
      text += escape(code_point(sequence));
    } else {
      text += sequence;
    }
    bytes.remove_prefix(sequence.size());
  }
  return text;
}

}  // namespace

void print_error(std::string_view message) {
  const std::string line = "holdfast: " + printable(message) + '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Style output_style() {
  if (isatty(STDOUT_FILENO) == 0) return {};
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const char* no_colour = std::getenv("NO_COLOR");
  return {known ? size.ws_col : std::size_t{80}, no_colour == nullptr || *no_colour == '\0'};
}

std::string printable(std::string_view bytes) {
  return escaped(bytes, "");
}

std::string printable_lines(std::string_view bytes) {
  return escaped(bytes, "\n\t");
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++count;
  return count;
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  std::string result;
  for (std::size_t used = 0; used + 1 < width; ++used) {
    const std::size_t length = std::max<std::size_t>(sequence_length(text), 1);
    result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return width == 0 ? "" : result + "…";
}

std::string pad(std::string_view text, std::size_t width) {
  const std::size_t used = columns(text);
  return std::string(text) + std::string(width > used ? width - used : 0, ' ');
}

std::string bytes_text(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  const bool whole = unit == 0 || value == std::floor(value);
  return whole ? std::format("{:.0f} {}", value, units[unit])
               : std::format("{:.1f} {}", value, units[unit]);
}

std::string age_text(std::chrono::milliseconds age) {
  const auto all = age.count() < 0 ? 0 : age.count();
  if (all < 10'000 && all % 1000 != 0)
    return std::format("{:.1f}s", static_cast<double>(all) / 1000);
  const auto seconds = all / 1000;
  if (seconds < 60) return std::format("{}s", seconds);
  if (seconds < 3600) return std::format("{}m {}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return std::format("{}h {}m", seconds / 3600, seconds % 3600 / 60);
  return std::format("{}d {}h", seconds / 86'400, seconds % 86'400 / 3600);
}

}  // namespace holdfast::cli
