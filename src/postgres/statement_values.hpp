#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/form.hpp"
#include "base/selector.hpp"
#include "holdfast/entry.hpp"
#include "postgres/payload.hpp"

/// The parameters of declared statements, as text for the input function of their type. Pure.
namespace holdfast::postgres {

/// What must be known of a parameter's type; a domain is what it is made of.
struct ParameterType {
  std::uint32_t oid = 0;
  std::uint32_t array_oid = 0;  ///< Of an array that unnest takes apart into it; 0: none.
  char delimiter = ',';         ///< Between values of this type in an array.
  bool is_json = false;         ///< json or jsonb.
  bool is_array = false;
  char element_delimiter = ',';    ///< Arrays only.
  bool elements_are_json = false;  ///< Arrays only.
};

/// Array literals, value by value: {"a","b\"c",NULL}.
/// Source: PostgreSQL 17, section 8.15.6.
class ArrayLiteral {
 public:
  explicit ArrayLiteral(char delimiter) : delimiter_(delimiter) {}
  void add(const std::optional<std::string>& value);
  /// An array of more dimensions: a literal as it is.
  void add_literal(std::string_view literal);
  [[nodiscard]] std::string text() const { return text_ + '}'; }

 private:
  char delimiter_;
  std::string text_ = "{";
};

/// One entry's values. Strings by content, numbers by their source text, true and false as such,
/// objects and arrays as their JSON; missing and null are SQL NULL. A json parameter gets the
/// source text of whatever a pointer finds, an array parameter an array literal of a JSON array.
/// From headers and forms it is the first value of the name; of a GET the query is the form.
///
/// Needs:    entry and payload that live longer.
/// Threads:  one at a time.
class EntryValues {
 public:
  EntryValues(const Entry& entry, const Payload& payload) : entry_(&entry), payload_(&payload) {}

  /// UTF-8 without NUL, or nullopt for SQL NULL.
  [[nodiscard]] std::optional<std::string> value(const base::Selector& selector,
                                                 const ParameterType& type);
  /// True if the selected scalar, as text, is this; missing, null, objects and arrays never are.
  [[nodiscard]] bool holds(const base::Condition& condition);

 private:
  [[nodiscard]] std::optional<std::string_view> json_at(const base::JsonPointer& pointer) const;
  /// Of a selector that is no pointer.
  [[nodiscard]] std::optional<std::string> other_text(const base::Selector& selector);
  [[nodiscard]] const base::FormFields& form_fields();

  const Entry* entry_;
  const Payload* payload_;
  std::optional<base::FormFields> form_;  ///< Decoded when first asked for.
};

}  // namespace holdfast::postgres
