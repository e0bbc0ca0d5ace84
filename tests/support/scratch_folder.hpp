#pragma once

#include <string>

namespace holdfast::support {

/// A new folder under /tmp, removed with everything in it at the end.
class ScratchFolder {
 public:
  /// With `for_postgres`, user postgres owns the folder if the test runs as root.
  explicit ScratchFolder(bool for_postgres = false);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The whole file; empty if it is not there.
[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace holdfast::support
