#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::outbox {

/// Bytes of a file that may be damaged: what cannot be read is missing, and never an error.
class ByteSource {
 public:
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Fills all of `into`; false if the disk or the end of the file does not allow it.
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> into) const;

 protected:
  explicit ByteSource(std::string_view bytes) : memory_(bytes.data()), size_(bytes.size()) {}
  explicit ByteSource(int descriptor);
  ~ByteSource() = default;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  const char* memory_ = nullptr;  ///< Where the bytes are, if they are in no file.
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

class MemorySource : public ByteSource {
 public:
  /// Needs:    bytes that outlive this.
  explicit MemorySource(std::string_view bytes) : ByteSource(bytes) {}
};

/// A file read with pread: a mapping would turn a bad sector into a signal. Empty if there is none.
///
/// Needs:    no connection of this process to the file: closing it drops the locks of SQLite.
class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::string& path);
  ~FileSource();
  /// True if another process has a lock of SQLite on it.
  [[nodiscard]] bool locked_elsewhere() const;
};

}  // namespace holdfast::outbox
