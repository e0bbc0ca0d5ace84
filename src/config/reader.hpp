#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <toml++/toml.hpp>
#include <vector>

#include "base/limits.hpp"
#include "config/environment.hpp"
#include "config/errors.hpp"
#include "config/syntax.hpp"

namespace holdfast::config {

/// What all readers of one file share.
struct Loading {
  const Environment& environment;
  ConfigErrors& errors;
  std::vector<ConfigWarning>& warnings;
};

using base::Range;

/// Reads one table of the file. Every fault is noted with its line and key and the value that was
/// there before stays, so that one run shows all faults of a file.
///
/// Needs:    the table and the Loading outlive it; only keys of key_table(section) are asked for.
/// Threads:  one at a time.
class TableReader {
 public:
  /// `shown` is how messages name the table, such as "ingress" or "source[twilio]". Keys that the
  /// section does not have are noted at once.
  TableReader(const toml::table& table, std::string_view section, std::string shown,
              Loading& loading);

  [[nodiscard]] bool has(std::string_view key) const;
  void read_bool(std::string_view key, bool& value);
  void read_count(std::string_view key, std::uint32_t& value, Range<std::uint32_t> range);
  void read_duration(std::string_view key, std::chrono::milliseconds& value,
                     Range<std::chrono::milliseconds> range);
  void read_size(std::string_view key, std::uint64_t& value, Range<std::uint64_t> range);
  /// The text with its variables replaced; nullopt if the key is not there or something is wrong.
  [[nodiscard]] std::optional<std::string> text(std::string_view key);
  /// The place of a text among `words`; nullopt if the key is not there or something is wrong.
  [[nodiscard]] std::optional<std::size_t> word(std::string_view key,
                                                std::span<const std::string_view> words);
  /// Each string of an array; a single string counts as an array of one.
  [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view key);
  /// text() through one of the forms of syntax.hpp.
  template <class T>
  void read_parsed(std::string_view key, T& value, Parsed<T> (*parse)(std::string_view)) {
    const auto raw = text(key);
    if (!raw) return;
    auto parsed = parse(*raw);
    if (!parsed) return error(key, std::move(parsed.error()));
    value = std::move(*parsed);
  }
  /// A secret, or what the file that `<key>_file` names holds; nullopt if neither is there.
  /// Both at once are an error, unless the key itself is empty.
  [[nodiscard]] std::optional<std::string> secret(std::string_view key);

  /// The line of `key`, or of `<key>_file`, or of the table.
  [[nodiscard]] std::uint32_t line_of(std::string_view key) const;
  /// Notes a fault of the value of `key`.
  void error(std::string_view key, std::string message);
  /// Notes a fault of one element of the array at `key`.
  void element_error(std::string_view key, std::size_t index, std::string message);
  /// Notes something that is allowed and probably not meant.
  void warning(std::string_view key, std::string message);
  /// The value itself, for what has a form of its own; null if the key is not there.
  [[nodiscard]] const toml::node* find(std::string_view key) const;
  /// How messages name `key`: "source[twilio].secrets".
  [[nodiscard]] std::string shown_key(std::string_view key) const;

 private:
  std::optional<std::string> substituted(const toml::node& node, const std::string& shown_key);
  void note(std::uint32_t line, std::string shown_key, std::string message);

  // Constant after construction.
  const toml::table& table_;
  std::string_view section_;
  std::string shown_;
  Loading& loading_;
};

/// "a string", "an integer", … for messages.
[[nodiscard]] std::string_view type_name(const toml::node& node);

}  // namespace holdfast::config
