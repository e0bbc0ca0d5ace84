#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::outbox {

/// Bytes of a file that may be damaged: what cannot be read is missing, and never an error.
class ByteSource {
 public:
  ByteSource() = default;
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Fills all of `into`; false if the disk or the end of the file does not allow it.
  [[nodiscard]] virtual bool read(std::uint64_t offset, std::span<std::uint8_t> into) const = 0;
};

class MemorySource : public ByteSource {
 public:
  /// Needs:    bytes that outlive this.
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset) return false;
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
    return true;
  }

 private:
  std::string_view bytes_;
};

/// A file read with pread: a mapping would turn a bad sector into a signal. Empty if there is none.
///
/// Needs:    no connection of this process to the file: closing it drops the locks of SQLite.
class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::string& path);
  ~FileSource() override;
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> into) const override;
  /// True if another process has a lock of SQLite on it.
  [[nodiscard]] bool locked_elsewhere() const;

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace holdfast::outbox
