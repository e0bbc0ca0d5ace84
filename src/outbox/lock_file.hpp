#pragma once

#include <string>

namespace holdfast::outbox {

/// The lock that keeps a second daemon out: `<outbox>.lock`, held by flock while this object lives.
/// The file is never removed: removing it would let two processes lock two files of one name.
class LockFile {
 public:
  /// Errors:   throws Error (refused) that names the process that holds it.
  explicit LockFile(std::string path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace holdfast::outbox
