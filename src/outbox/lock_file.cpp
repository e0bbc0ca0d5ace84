#include "outbox/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <format>
#include <utility>

#include "holdfast/failure.hpp"

namespace holdfast::outbox {
namespace {

std::string holder_of(int descriptor) {
  std::array<char, 32> text{};
  const auto length = ::pread(descriptor, text.data(), text.size() - 1, 0);
  std::string pid;
  for (ssize_t i = 0; i < length; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') break;
    pid += c;
  }
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

LockFile::LockFile(std::string path) : path_(std::move(path)) {
  const auto refuse = [&](const std::string& cause) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw Error({FailureKind::refused, std::format("locking {}: {}", path_, cause)});
  };
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0)
    refuse(
        std::format("{}; let this user write to the folder of outbox.path", std::strerror(errno)));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      refuse(std::format("{} has this outbox open; stop it, or set another outbox.path",
                         holder_of(descriptor_)));
    refuse(std::format("{}; put outbox.path on a local disk", std::strerror(errno)));
  }
  // The mode asked for at open is cut by the umask, which may take away our own bits.
  const std::string pid = std::format("{}\n", ::getpid());
  if (::fchmod(descriptor_, 0600) != 0 || ::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    refuse(
        std::format("{}; free disk space or mend the folder of outbox.path", std::strerror(errno)));
}

LockFile::~LockFile() {
  ::close(descriptor_);
}

}  // namespace holdfast::outbox
