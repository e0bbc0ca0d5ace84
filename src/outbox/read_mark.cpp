#include "outbox/read_mark.hpp"

#include <exception>
#include <utility>

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {

struct ReadMark::Open {
  Open(const std::string& path, const std::string& vfs)
      : database(open_read_only(read_only_uri(path), vfs)),
        begin(database, "BEGIN"),
        // A transaction has its snapshot from its first read on.
        look(database, "SELECT 1 FROM sqlite_schema LIMIT 1"),
        end(database, "ROLLBACK") {}

  SQLite::Database database;
  SQLite::Statement begin;
  SQLite::Statement look;
  SQLite::Statement end;
};

ReadMark::ReadMark(std::string path, std::string vfs)
    : path_(std::move(path)), vfs_(std::move(vfs)) {}

ReadMark::~ReadMark() = default;

void ReadMark::set() noexcept {
  if (is_set_ || has_failed_) return;
  try {
    if (!open_) open_ = std::make_unique<Open>(path_, vfs_);
    run(open_->begin);
    is_set_ = Use(open_->look).step();
  } catch (const std::exception&) {
    // Out of memory or of descriptors.
    is_set_ = false;
  }
  if (is_set_) return;
  has_failed_ = true;
  open_.reset();
}

void ReadMark::clear() noexcept {
  has_failed_ = false;
  if (!is_set_) return;
  is_set_ = false;
  try {
    run(open_->end);
  } catch (const std::exception&) {
    open_.reset();
  }
}

}  // namespace holdfast::outbox
