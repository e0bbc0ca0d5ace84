#pragma once

#include <span>
#include <string>
#include <string_view>

/// The keys that a file may hold, and what to say about one that it may not.
namespace holdfast::config {

/// One table of the file and its keys.
struct KeyTable {
  std::string_view section;
  std::string_view written;  ///< How the file writes it, for messages.
  std::span<const std::string_view> keys;
  bool nested = false;  ///< It stands inside of another table.
};

/// All tables, those of the sources included.
[[nodiscard]] std::span<const KeyTable> key_tables();
/// Needs:    a section of key_tables().
[[nodiscard]] const KeyTable& key_table(std::string_view section);

/// The candidate nearest to `word` by edit distance; empty if none is near enough to be meant.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

/// `did you mean "max_body"?`, or the list of the candidates where none is near.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> candidates);

/// The whole message about a key that `section` does not have.
[[nodiscard]] std::string unknown_key_message(std::string_view section, std::string_view key);

}  // namespace holdfast::config
