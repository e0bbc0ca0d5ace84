#include "outbox/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace holdfast::outbox {

ByteSource::ByteSource(int descriptor) : descriptor_(descriptor) {
  struct stat status{};
  if (descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0)
    size_ = static_cast<std::uint64_t>(status.st_size);
}

bool ByteSource::read(std::uint64_t offset, std::span<std::uint8_t> into) const {
  if (offset > size_ || into.size() > size_ - offset) return false;
  if (into.empty()) return true;
  if (memory_ != nullptr) {
    std::memcpy(into.data(), memory_ + offset, into.size());
    return true;
  }
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = ::pread(descriptor_, into.data() + done, into.size() - done,
                             static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

FileSource::FileSource(const std::string& path)
    : ByteSource(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

FileSource::~FileSource() {
  if (descriptor() >= 0) ::close(descriptor());
}

bool FileSource::locked_elsewhere() const {
  if (descriptor() < 0) return false;
  // Every connection in WAL mode holds a shared lock in this range while it is open.
  // Source:   sqlite.org/src/file/src/os.h, PENDING_BYTE and SHARED_SIZE.
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 0x40000000;
  lock.l_len = 512;
  return ::fcntl(descriptor(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace holdfast::outbox
