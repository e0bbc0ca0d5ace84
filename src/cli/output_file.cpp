#include "cli/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <format>
#include <utility>

namespace holdfast::cli {
namespace {

Failure cannot_write(const std::string& path, std::string_view cause) {
  return {FailureKind::refused,
          std::format("writing {}: {}; choose another place with -o", path, cause)};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A file that has no name until it is whole, so that not even a kill leaves payloads behind;
/// where the file system has none of these, one with a name, which is then in `unfinished`.
int open_unfinished(const std::string& path, std::string& unfinished) {
  const int nameless = ::open(folder_of(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (nameless >= 0) return nameless;
  unfinished = path + ".unfinished-XXXXXX";
  const int descriptor = ::mkostemp(unfinished.data(), O_CLOEXEC);
  if (descriptor < 0) unfinished.clear();
  return descriptor;
}

/// Gives a nameless file the name from which it is renamed to its own.
std::optional<std::string> give_name(int descriptor, const std::string& path) {
  const auto name = std::format("{}.unfinished-{}", path, ::getpid());
  ::unlink(name.c_str());
  const auto itself = std::format("/proc/self/fd/{}", descriptor);
  if (::linkat(AT_FDCWD, itself.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return std::nullopt;
  return name;
}

bool sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  return synced;
}

}  // namespace

OutputFile::OutputFile(std::FILE* stream, std::string path, std::string unfinished)
    : stream_(stream), path_(std::move(path)), unfinished_(std::move(unfinished)) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : stream_(std::exchange(other.stream_, nullptr)),
      path_(std::move(other.path_)),
      unfinished_(std::exchange(other.unfinished_, {})) {}

std::expected<OutputFile, Failure> OutputFile::open(const std::string& path) {
  if (path.empty() || path == "-") return OutputFile(stdout, "", "");
  struct stat status{};
  // A rename would put a file in the place of /dev/null.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return std::unexpected(cannot_write(path, "this is no file"));
  std::string unfinished;
  const int descriptor = open_unfinished(path, unfinished);
  if (descriptor < 0) return std::unexpected(cannot_write(path, std::strerror(errno)));
  std::FILE* stream = ::fdopen(descriptor, "w");
  if (stream == nullptr) {
    ::close(descriptor);
    if (!unfinished.empty()) ::unlink(unfinished.c_str());
    return std::unexpected(cannot_write(path, std::strerror(errno)));
  }
  return OutputFile(stream, path, std::move(unfinished));
}

OutputFile::~OutputFile() {
  if (stream_ != nullptr && stream_ != stdout) std::fclose(stream_);
  if (!unfinished_.empty()) ::unlink(unfinished_.c_str());
}

Failure OutputFile::failure() const {
  return {FailureKind::unavailable,
          std::format("writing {}: {}; check the disk or pipe behind it",
                      path_.empty() ? "the output" : path_, std::strerror(errno))};
}

std::expected<void, Failure> OutputFile::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stream_) == bytes.size()) return {};
  return std::unexpected(failure());
}

std::expected<void, Failure> OutputFile::finish() {
  if (std::fflush(stream_) != 0) return std::unexpected(failure());
  if (path_.empty()) return {};
  if (::fsync(::fileno(stream_)) != 0) return std::unexpected(failure());
  if (unfinished_.empty()) {
    auto name = give_name(::fileno(stream_), path_);
    if (!name) return std::unexpected(failure());
    unfinished_ = *std::move(name);
  }
  if (std::rename(unfinished_.c_str(), path_.c_str()) != 0) return std::unexpected(failure());
  unfinished_.clear();
  if (!sync_folder(folder_of(path_))) return std::unexpected(failure());
  return {};
}

}  // namespace holdfast::cli
