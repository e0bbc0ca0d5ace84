#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <optional>
#include <string>
#include <string_view>

#include "holdfast/failure.hpp"
#include "outbox/byte_source.hpp"
#include "outbox/files.hpp"

/// How a start learns that the outbox may be damaged, and finds out whether it is.
namespace holdfast::outbox {

/// The reason of an entry whose bytes are not what was accepted, or are gone.
inline constexpr const char* damaged_reason = "damaged";

/// How the last use of the file ended, as far as it came.
enum class LastUse {
  closed,   ///< Properly, or there was none.
  closing,  ///< All was in the database file; only its closing may have been cut short.
  open,     ///< By a crash, a kill or a power cut: the WAL must be there.
  suspect,  ///< By an I/O error, or by bytes that could not be what was written.
};

/// PATH.state, a small file beside the outbox that says how its last use ended. Without it each
/// start would have to read the whole outbox, or trust a disk that has just failed.
///
/// Threads:  one at a time, but for suspect(): any.
class StateFile {
 public:
  explicit StateFile(const OutboxFiles& files) : files_(files) {}
  [[nodiscard]] LastUse read() const;
  /// Errors:   throws Error (refused).
  void opened() const;
  /// The three others never fail: the disk may be what is broken.
  void closing() const noexcept;
  void closed() const noexcept;
  void suspect() const noexcept;

 private:
  [[nodiscard]] std::string path() const { return files_.database + ".state"; }
  bool write(std::string_view word) const noexcept;
  const OutboxFiles& files_;
};

/// True for what SQLite says when bytes are not what was written.
[[nodiscard]] bool is_damage(const SQLite::Exception& error);

/// True if its header says that it is an outbox.
[[nodiscard]] bool has_our_mark(const ByteSource& database);

/// Looks at the ends of each tree; throws as below where that cannot be done.
void probe_trees(SQLite::Database& database);

/// Reads the whole outbox; the first thing found that some call would trip over, nullopt if it is
/// sound.
/// Needs:    an open connection.
/// Errors:   throws SQLite::Exception.
[[nodiscard]] std::optional<std::string> find_damage(SQLite::Database& database);

/// Damage that SQLite would pass over in silence or mistake for something else: a WAL with a hole
/// in it, a header with impossible fields, a file cut short. Reads the WAL.
/// Needs:    no connection of this process to the outbox.
[[nodiscard]] std::optional<std::string> find_silent_damage(const OutboxFiles& files);

}  // namespace holdfast::outbox
