#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::support {

/// Finds COMMIT in the bytes that a Postgres client sends, however they are cut into chunks:
/// as a simple query, or as Parse up to its Sync. An encrypted stream is not understood.
/// Source:   PostgreSQL 17 documentation, 53.7 Message Formats.
class CommitScanner {
 public:
  enum class Found {
    nothing,   ///< The chunk is used up.
    begin,     ///< The server may execute COMMIT if it sees the bytes up to here.
    complete,  ///< The server has all it needs to commit and to answer.
  };
  /// Reads `chunk` from `at` on and stops just behind the next event.
  [[nodiscard]] Found next(std::string_view chunk, std::size_t& at);

 private:
  [[nodiscard]] Found end_of_message();

  bool startup_ = true;       ///< The first messages have no type byte.
  bool sync_is_due_ = false;  ///< COMMIT was parsed; its Sync has not been seen yet.
  bool report_complete_ = false;
  std::string header_;
  std::string body_;  ///< Only its first bytes; COMMIT is short.
  std::size_t body_left_ = 0;
};

}  // namespace holdfast::support
