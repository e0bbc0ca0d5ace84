#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::support {

/// What was done to the files of one folder, in order, and what a disk may hold of it when the
/// power goes: pure, without files. A sync of a file makes its writes and its size durable; its
/// name comes and goes durably only with a sync of the folder.
///
/// Threads:  one at a time.
class DiskRecord {
 public:
  using FileId = std::uint64_t;
  using Image = std::map<std::string, std::string>;
  static constexpr std::uint64_t sector_bytes = 512;

  /// The oldest operations are merged once all of them hold more than this many bytes.
  explicit DiskRecord(std::uint64_t bytes_max = 64ULL << 20U) : bytes_max_(bytes_max) {}

  // Each of these is one operation.

  /// A file that somebody else has put there, durably.
  FileId import(const std::string& name, std::string content);
  /// A file that somebody else has taken away, durably.
  void lose(const std::string& name);
  FileId create(const std::string& name);
  void write(FileId file, std::uint64_t at, std::string_view bytes);
  void truncate(FileId file, std::uint64_t size);
  void remove(const std::string& name);
  void sync(FileId file);
  void sync_folder();

  /// The file that has this name now.
  [[nodiscard]] std::optional<FileId> find(const std::string& name) const;
  /// The names of now.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Size of a file as programs see it.
  [[nodiscard]] std::uint64_t size(FileId file) const;
  /// Of all files that have a name.
  [[nodiscard]] std::uint64_t bytes() const;

  /// Number of operations so far, merged ones included.
  [[nodiscard]] std::uint64_t position() const { return merged_ + operations_.size(); }
  /// Images can be had from here on.
  [[nodiscard]] std::uint64_t first_position() const { return merged_; }
  [[nodiscard]] std::vector<std::uint64_t> sync_positions() const;

  /// What a power cut at `position` leaves; see DiskVfs::image. Going up through the positions
  /// costs least.
  [[nodiscard]] Image image(std::uint64_t position, std::uint64_t seed) const;
  /// From now on these are the files, and all of it is synced; positions go on.
  void restart(const Image& image);

 private:
  enum class Kind { import, lose, create, write, truncate, remove, sync, sync_folder };
  struct Operation {
    Kind kind;
    FileId file = 0;
    std::uint64_t at = 0;  ///< Of a write; the size of a truncation.
    std::string bytes;     ///< Of a write or an import.
    std::string name;
  };
  using Shared = std::shared_ptr<const Operation>;
  struct File {
    std::string synced;
    std::vector<Shared> unsynced;
  };
  /// The disk at one position.
  struct State {
    std::map<FileId, File> files;
    std::map<std::string, FileId> names;  ///< Those that are durable.
    std::vector<Shared> unsynced_names;

    void apply(const Shared& operation);
    void settle_name(const std::string& name);
    [[nodiscard]] std::map<std::string, FileId> names_after(std::uint64_t seed) const;
    [[nodiscard]] Image image(std::uint64_t seed) const;
  };
  class Coin;

  void add(Operation operation);
  void merge();

  // Constant after construction.
  const std::uint64_t bytes_max_;

  State base_;  ///< At position merged_.
  std::uint64_t merged_ = 0;
  std::deque<Shared> operations_;  ///< After merged_.
  std::uint64_t operation_bytes_ = 0;
  std::vector<std::uint64_t> sync_positions_;
  // As programs see it.
  FileId last_file_ = 0;
  std::map<std::string, FileId> names_now_;
  std::map<FileId, std::uint64_t> sizes_;
  // Where the last image was made; the next is mostly a little further on.
  mutable State cursor_;
  mutable std::uint64_t cursor_position_ = 0;
};

}  // namespace holdfast::support
