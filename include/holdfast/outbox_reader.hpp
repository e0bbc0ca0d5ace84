#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/entry.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/outbox.hpp"

namespace holdfast {

/// Reads an outbox file from another process, read-only, while the daemon may be running.
///
/// Threads:  one at a time.
/// Blocks:   each call opens one read snapshot of well under a second.
class OutboxReader {
 public:
  [[nodiscard]] static std::expected<OutboxReader, Failure> open(const std::string& path);
  ~OutboxReader();
  OutboxReader(OutboxReader&&) noexcept;
  OutboxReader& operator=(OutboxReader&&) noexcept;
  [[nodiscard]] std::expected<std::optional<Entry>, Failure> find(const Uuid& id);
  [[nodiscard]] std::expected<std::vector<EntrySummary>, Failure> list(const ListRequest& request);

 private:
  class Impl;
  explicit OutboxReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
