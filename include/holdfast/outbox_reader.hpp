#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/outbox.hpp"

namespace holdfast {

/// Reads an outbox file from another process, read-only, while the daemon may be running.
///
/// Threads:  one at a time.
/// Blocks:   each call for one or more read snapshots of well under a second.
/// Errors:   of find and list: unavailable (SQLite has no memory or lock), broken (damage).
class HOLDFAST_EXPORT OutboxReader {
 public:
  /// Opens an outbox that a daemon of this version has used.
  ///
  /// Errors:   refused (no such file, empty, of another version, no outbox, no permission), broken
  ///           (damaged, or an I/O error).
  [[nodiscard]] static std::expected<OutboxReader, Failure> open(const std::string& path);
  ~OutboxReader();
  OutboxReader(OutboxReader&&) noexcept;             ///< The other can only be assigned to then.
  OutboxReader& operator=(OutboxReader&&) noexcept;  ///< The other can only be assigned to then.
  /// One entry with payload and attempts; nullopt if unknown.
  [[nodiscard]] std::expected<std::optional<Entry>, Failure> find(const Uuid& id);
  /// A page of entries without payload, in short snapshots: what changes meanwhile may show or not.
  [[nodiscard]] std::expected<std::vector<EntrySummary>, Failure> list(const ListRequest& request);

 private:
  class Impl;
  explicit OutboxReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
