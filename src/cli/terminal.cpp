#include "cli/terminal.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <format>

#include "cli/output.hpp"

namespace holdfast::cli {
namespace {

/// Often enough to look alive, seldom enough to cost nothing.
constexpr std::chrono::milliseconds redraw_interval{200};

void write_to_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

bool can_ask() {
  return isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
}

bool ask(std::string_view question) {
  write_to_stderr(printable(question) + " [y/N] ");
  std::array<char, 64> line{};
  if (std::fgets(line.data(), line.size(), stdin) == nullptr) {
    write_to_stderr("\n");
    return false;
  }
  std::string_view answer(line.data());
  while (answer.ends_with('\n') || answer.ends_with('\r') || answer.ends_with(' '))
    answer.remove_suffix(1);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

Progress::Progress(const Clock& clock, std::string doing)
    : clock_(clock), doing_(std::move(doing)), shown_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  clear();
}

void Progress::add(std::uint64_t entries) {
  entries_ += entries;
  if (!shown_) return;
  const auto now = clock_.steady_now();
  if (drawn_at_ && now - *drawn_at_ < redraw_interval) return;
  drawn_at_ = now;
  on_screen_ = true;
  write_to_stderr(std::format("\r{}: {} entries\x1b[K", doing_, entries_));
}

void Progress::clear() {
  if (on_screen_) write_to_stderr("\r\x1b[K");
  on_screen_ = false;
  drawn_at_.reset();
}

}  // namespace holdfast::cli
