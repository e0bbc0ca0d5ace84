#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::postgres {

class JsonTape;

/// A value of a document, or nothing: what is missing or of another type has no members, no
/// elements and no text, so that a path can be followed without asking at each step.
///
/// Needs:    a tape that outlives it.
class JsonValue {
 public:
  JsonValue() = default;

  /// Of repeated names the last counts, as in jsonb.
  [[nodiscard]] JsonValue operator[](std::string_view name) const;
  [[nodiscard]] std::vector<JsonValue> elements() const;
  /// The names and values of an object.
  [[nodiscard]] std::vector<std::pair<std::string, JsonValue>> members() const;
  [[nodiscard]] bool is_object() const;
  /// What a string says, fit for Postgres: NUL and a surrogate without its other half become
  /// U+FFFD.
  [[nodiscard]] std::optional<std::string> string() const;
  /// A number as it was written.
  [[nodiscard]] std::optional<std::string> number() const;
  /// The source text, byte for byte, if jsonb can hold it.
  [[nodiscard]] std::optional<std::string> jsonb() const;

 private:
  friend class JsonTape;
  JsonValue(const JsonTape* tape, std::uint32_t at) : tape_(tape), at_(at) {}
  [[nodiscard]] bool is(char kind) const;

  const JsonTape* tape_ = nullptr;
  std::uint32_t at_ = 0;
};

/// The places of all values of a JSON document, found in one pass.
///
/// Beside base::json_text_at, because the list of a batch of a thousand messages would be walked a
/// thousand times by pointer, and because one string that is not quite right (half a surrogate pair
/// in one message) must not hide the others: strings are taken as they are, and each value is asked
/// for itself whether jsonb can hold it. Any depth, without a stack frame for it.
///
/// Needs:    a text that outlives it.
/// Source:   RFC 8259.
class JsonTape {
 public:
  /// nullopt if this is not one JSON value, or has over a million.
  [[nodiscard]] static std::optional<JsonTape> read(std::string_view text);
  JsonTape(JsonTape&&) = default;
  JsonTape& operator=(JsonTape&&) = default;

  [[nodiscard]] JsonValue root() const { return {this, 0}; }

 private:
  friend class JsonValue;
  friend class JsonTapeReader;

  /// Before each value of an object stands its name.
  struct Node {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t next = 0;  ///< Of the first node behind this value.
    std::uint32_t depth = 0;
    char kind = ' ';     ///< The first character, "0" for all numbers.
    bool unfit = false;  ///< A string or number that jsonb refuses.
  };

  JsonTape() = default;
  [[nodiscard]] std::string_view text_of(const Node& node) const {
    return text_.substr(node.begin, node.end - node.begin);
  }

  std::string_view text_;
  std::vector<Node> nodes_;
};

}  // namespace holdfast::postgres
