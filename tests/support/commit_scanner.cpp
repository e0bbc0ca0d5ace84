#include "support/commit_scanner.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace holdfast::support {
namespace {

constexpr std::size_t body_bytes_kept = 64;
constexpr std::uint32_t ssl_request = 80877103;
constexpr std::uint32_t gss_request = 80877104;

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

bool is_commit(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  const auto last = text.find_last_not_of("; \t\r\n");
  const auto first = text.find_first_not_of(" \t\r\n");
  if (last == std::string_view::npos) return false;
  return base::equal_ignore_case(text.substr(first, last + 1 - first), "commit");
}

}  // namespace

CommitScanner::Found CommitScanner::next(std::string_view chunk, std::size_t& at) {
  if (report_complete_) {
    report_complete_ = false;
    return Found::complete;
  }
  while (at < chunk.size()) {
    const std::size_t header_bytes = startup_ ? 4 : 5;
    if (header_.size() < header_bytes) {
      header_ += chunk[at++];
      if (header_.size() < header_bytes) continue;
      const std::uint32_t length = big_endian(std::string_view(header_).substr(header_bytes - 4));
      body_left_ = std::max<std::size_t>(length, 4) - 4;
      body_.clear();
    } else {
      const std::size_t taken = std::min(body_left_, chunk.size() - at);
      body_ += chunk.substr(at, std::min(taken, body_bytes_kept - body_.size()));
      body_left_ -= taken;
      at += taken;
    }
    if (body_left_ > 0) continue;
    if (const Found found = end_of_message(); found != Found::nothing) return found;
  }
  return Found::nothing;
}

CommitScanner::Found CommitScanner::end_of_message() {
  const char type = header_.front();
  header_.clear();
  if (startup_) {
    const std::uint32_t code = big_endian(body_);
    startup_ = code == ssl_request || code == gss_request;
    return Found::nothing;
  }
  if (type == 'Q' && is_commit(body_)) {
    report_complete_ = true;
    return Found::begin;
  }
  const auto end_of_name = body_.find('\0');
  if (type == 'P' && end_of_name != std::string::npos &&
      is_commit(std::string_view(body_).substr(end_of_name + 1))) {
    sync_is_due_ = true;
    return Found::begin;
  }
  if (type != 'S' || !sync_is_due_) return Found::nothing;
  sync_is_due_ = false;
  return Found::complete;
}

}  // namespace holdfast::support
