#include "config/secret_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <fstream>
#include <system_error>

namespace holdfast::config {
namespace {

constexpr std::size_t secret_file_bytes_max = 65536;

std::unexpected<std::string> unreadable(const std::string& cause) {
  return std::unexpected(
      std::format("cannot be read: {}; check its name and the permissions", cause));
}

}  // namespace

std::expected<std::string, std::string> read_small_file(const std::string& path,
                                                        std::size_t bytes_max) {
  std::error_code status;
  // Kubernetes and Docker mount secrets as symbolic links: follow them.
  const auto type = std::filesystem::status(path, status).type();
  if (status && type != std::filesystem::file_type::not_found) return unreadable(status.message());
  if (type == std::filesystem::file_type::not_found) return unreadable(std::strerror(ENOENT));
  if (type != std::filesystem::file_type::regular) return unreadable("it is no regular file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(std::strerror(errno));
  std::string text(bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return unreadable(std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > bytes_max)
    return std::unexpected(
        std::format("is larger than {} bytes; is it the right file?", bytes_max));
  return text;
}

std::expected<std::vector<std::string>, std::string> read_secret_file(const std::string& path) {
  const auto text = read_small_file(path, secret_file_bytes_max);
  if (!text) return std::unexpected(text.error());
  if (text->contains('\0')) return std::unexpected("holds a NUL character; is it the right file?");
  std::vector<std::string> secrets;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    std::string line = text->substr(begin, end - begin);
    while (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) secrets.push_back(std::move(line));
    begin = end + 1;
  }
  if (secrets.empty()) return std::unexpected("is empty; put the secret on its first line");
  return secrets;
}

}  // namespace holdfast::config
