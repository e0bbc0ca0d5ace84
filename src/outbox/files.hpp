#pragma once

#include <cstdint>
#include <string>

namespace holdfast::outbox {

/// The files of one outbox by their real names, so that a symbolic link cannot hide a second
/// daemon.
struct OutboxFiles {
  std::string folder;
  std::string database;
  std::string wal;
  std::string lock;
};

/// Errors:   throws Error (refused) if the folder does not exist or cannot be looked into.
[[nodiscard]] OutboxFiles resolve_files(const std::string& path);

/// Size in bytes; 0 if the file does not exist.
[[nodiscard]] std::uint64_t file_size(const std::string& path);
[[nodiscard]] bool file_exists(const std::string& path);

/// Takes the rights of others on existing files away. They are never opened here: closing one would
/// drop the locks of SQLite in this process.
/// Errors:   throws Error (refused).
void narrow_modes(const OutboxFiles& files);

/// Makes a file of mode 0600 that must not be there yet.
/// Errors:   throws Error (refused).
void make_private_file(const std::string& path);
/// Errors:   both throw Error (refused).
void sync_file(const std::string& path);
/// A new name in a folder survives a power cut only once the folder itself is synced.
void sync_folder(const std::string& folder);

/// Bytes that this user may still write on the file system of the folder.
[[nodiscard]] std::uint64_t disk_free_bytes(const std::string& folder);

/// Tells whether a path still names the file that it named before.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;  ///< No part of the identity.
  [[nodiscard]] bool same_file(const FileIdentity& other) const {
    return device == other.device && inode == other.inode;
  }
};
/// All zero if the file does not exist.
[[nodiscard]] FileIdentity identify(const std::string& path);

}  // namespace holdfast::outbox
