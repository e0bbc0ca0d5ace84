#include "outbox/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <system_error>

#include "holdfast/failure.hpp"

namespace holdfast::outbox {
namespace {

[[noreturn]] void refuse(const std::string& path, const char* advice) {
  throw Error({FailureKind::refused,
               std::format("making outbox {}: {}; {}", path, std::strerror(errno), advice)});
}

void narrow_mode(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 0777U) == 0600) return;
  if (::chmod(path.c_str(), 0600) != 0)
    refuse(path, "let this user own the file, or chmod it to 0600");
}

}  // namespace

OutboxFiles resolve_files(const std::string& path) {
  std::error_code error;
  const auto real =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  const auto refused = [&](const std::string& cause) {
    return Error(
        {FailureKind::refused,
         std::format("opening outbox {}: {}; set outbox.path to a file in a folder that exists",
                     path, cause)});
  };
  if (error) throw refused(error.message());
  if (path.empty() || !std::filesystem::is_directory(real.parent_path(), error))
    throw refused("its folder does not exist");
  if (std::filesystem::exists(real, error) && !std::filesystem::is_regular_file(real, error))
    throw refused("it is not a file");
  const std::string database = real.string();
  return {real.parent_path().string(), database, database + "-wal", database + ".lock"};
}

FileIdentity identify(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size)};
}

std::uint64_t file_size(const std::string& path) {
  return identify(path).size;
}

bool file_exists(const std::string& path) {
  return identify(path).inode != 0;
}

void sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (!synced) {
    const int cause = errno;
    if (descriptor >= 0) ::close(descriptor);
    errno = cause;
    refuse(folder, "the folder cannot be synced; put outbox.path on a local disk");
  }
  ::close(descriptor);
}

void sync_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int cause = errno;
  if (descriptor >= 0) ::close(descriptor);
  errno = cause;
  if (!synced) refuse(path, "it cannot be synced; look at the disk and the kernel log");
}

void make_private_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) refuse(path, "let this user write to the folder of outbox.path");
  const bool narrowed = ::fchmod(descriptor, 0600) == 0;
  ::close(descriptor);
  if (!narrowed) refuse(path, "the file system must know file modes");
}

void narrow_modes(const OutboxFiles& files) {
  narrow_mode(files.database);
  narrow_mode(files.wal);
  narrow_mode(files.database + "-shm");
}

std::uint64_t disk_free_bytes(const std::string& folder) {
  struct statvfs status{};
  if (::statvfs(folder.c_str(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace holdfast::outbox
