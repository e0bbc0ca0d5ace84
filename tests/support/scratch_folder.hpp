#pragma once

#include <string>

namespace holdfast::support {

/// A new folder under /tmp, removed with everything in it at the end.
class ScratchFolder {
 public:
  /// With `for_postgres`, user postgres owns the folder if the test runs as root.
  explicit ScratchFolder(bool for_postgres = false);
  /// One in memory where there is /dev/shm: for runs that would wear a disk out with syncs.
  [[nodiscard]] static ScratchFolder in_memory();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit ScratchFolder(std::string pattern);

  std::string path_;
};

/// The whole file; empty if it is not there.
[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace holdfast::support
