#include "support/scratch_folder.hpp"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace holdfast::support {

ScratchFolder::ScratchFolder(std::string pattern) : path_(std::move(pattern)) {
  if (::mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error("making a folder " + path_ + ": mkdtemp failed");
}

ScratchFolder ScratchFolder::in_memory() {
  const bool there = ::access("/dev/shm", W_OK | X_OK) == 0;
  return ScratchFolder(std::string(there ? "/dev/shm" : "/tmp") + "/holdfast-test-XXXXXX");
}

ScratchFolder::ScratchFolder(bool for_postgres)
    : ScratchFolder(std::string("/tmp/holdfast-test-XXXXXX")) {
  if (!for_postgres || ::geteuid() != 0) return;
  const passwd* owner = ::getpwnam("postgres");
  if (owner == nullptr || ::chown(path_.c_str(), owner->pw_uid, owner->pw_gid) != 0)
    throw std::runtime_error("giving " + path_ + " to user postgres failed");
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) throw std::runtime_error("writing " + path + " failed");
}

}  // namespace holdfast::support
