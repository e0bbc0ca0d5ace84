#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/json_pointer.hpp"

/// The words by which a configuration names a part of an entry. Pure.
namespace holdfast::base {

struct HeaderSelector {
  std::string name;
};
struct FormSelector {
  std::string name;
};
enum class EntryField { id, received_at, source };

/// What a parameter of a statement is taken from.
using Selector = std::variant<JsonPointer, HeaderSelector, FormSelector, EntryField>;

/// A JSON pointer ("" is the whole payload), header:NAME, form:NAME, entry:id, entry:received_at
/// or entry:source. The error is a sentence that says what to write.
[[nodiscard]] std::expected<Selector, std::string> parse_selector(std::string_view text);

/// A condition on an entry: the selected value, as text, is exactly this.
struct Condition {
  Selector selector;
  std::string value;
};
/// "SELECTOR=TEXT"; the first "=" separates.
[[nodiscard]] std::expected<Condition, std::string> parse_condition(std::string_view text);

}  // namespace holdfast::base
