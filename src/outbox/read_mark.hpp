#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <memory>
#include <string>

namespace holdfast::outbox {

/// A read snapshot of the last commit, held so that a checkpoint stops there: SQLite syncs the
/// database file only in one that moves all (docs/decisions/0021).
///
/// Threads:  one at a time.
/// Errors:   none: without a mark a checkpoint moves all, which is merely slower.
class ReadMark {
 public:
  /// Opens nothing yet. `vfs` as for open_read_only.
  ReadMark(std::string path, std::string vfs);
  ~ReadMark();
  ReadMark(const ReadMark&) = delete;
  ReadMark& operator=(const ReadMark&) = delete;

  /// Does nothing while it is set, nor after it could not be, until `clear`.
  void set() noexcept;
  void clear() noexcept;
  [[nodiscard]] bool is_set() const { return is_set_; }

 private:
  struct Open;
  const std::string path_;
  const std::string vfs_;
  std::unique_ptr<Open> open_;  ///< From the first use on.
  bool is_set_ = false;
  bool has_failed_ = false;
};

}  // namespace holdfast::outbox
