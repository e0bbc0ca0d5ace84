#include "outbox/filesystem_check.hpp"

#include <sys/vfs.h>

#include <cstring>
#include <format>

#include "holdfast/failure.hpp"

namespace holdfast::outbox {

FilesystemKind classify_filesystem(std::uint64_t f_type) {
  using enum FilesystemVerdict;
  switch (f_type) {
    case 0x6969: return {unsafe, "NFS"};
    case 0x517B: return {unsafe, "SMB"};
    case 0xFF534D42: return {unsafe, "CIFS"};
    case 0xFE534D42: return {unsafe, "SMB2"};
    case 0x65735546: return {unsafe, "FUSE"};
    case 0x01021997: return {unsafe, "9p"};
    case 0x00C36400: return {unsafe, "Ceph"};
    case 0x5346414F: return {unsafe, "AFS"};
    case 0x0BD00BD0: return {unsafe, "Lustre"};
    case 0x786F4256: return {unsafe, "vboxsf"};
    case 0x01021994: return {warn, "tmpfs"};
    case 0x858458F6: return {warn, "ramfs"};
    case 0x794C7630: return {warn, "overlayfs"};
    default: return {};
  }
}

void apply_filesystem(FilesystemKind kind, const std::string& folder, bool allow_unsafe,
                      const LogSink& log) {
  if (kind.verdict == FilesystemVerdict::fine) return;
  if (kind.verdict == FilesystemVerdict::unsafe && !allow_unsafe)
    throw Error(
        {FailureKind::refused,
         std::format("opening the outbox in {}: the file system is {}, on which locks and fsync "
                     "cannot be trusted; put outbox.path on a local disk, or set "
                     "outbox.allow_unsafe_filesystem = true and bear the risk",
                     folder, kind.name)});
  const bool unsafe = kind.verdict == FilesystemVerdict::unsafe;
  log({LogLevel::warn,
       "outbox_filesystem",
       unsafe
           ? "The outbox is on a file system on which accepted writes can be lost; it was allowed "
             "by "
             "outbox.allow_unsafe_filesystem."
           : "The outbox is on a file system that goes away with the machine or the container; put "
             "outbox.path on a disk or a volume.",
       {{"filesystem", std::string(kind.name)}, {"folder", folder}}});
}

void check_filesystem(const std::string& folder, bool allow_unsafe, const LogSink& log) {
  struct statfs status{};
  if (::statfs(folder.c_str(), &status) != 0)
    throw Error(
        {FailureKind::refused,
         std::format("opening the outbox in {}: {}; make the folder, or set another outbox.path",
                     folder, std::strerror(errno))});
  // f_type is a signed word; the magic numbers are unsigned 32 bit.
  apply_filesystem(classify_filesystem(static_cast<std::uint32_t>(status.f_type)), folder,
                   allow_unsafe, log);
}

}  // namespace holdfast::outbox
