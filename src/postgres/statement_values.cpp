#include "postgres/statement_values.hpp"

#include <vector>

#include "base/encoding.hpp"

namespace holdfast::postgres {
namespace {

constexpr std::string_view white_space = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) + 1 - first);
}

/// The source texts of the elements of a JSON array.
std::vector<std::string_view> elements_of(std::string_view array) {
  std::vector<std::string_view> elements;
  const std::string_view inside = array.substr(1, array.size() - 2);
  std::size_t depth = 0;
  std::size_t start = 0;
  for (std::size_t at = 0; at < inside.size(); ++at) {
    const char c = inside[at];
    if (c == '"')
      for (++at; at < inside.size() && inside[at] != '"'; ++at)
        if (inside[at] == '\\') ++at;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c != ',' || depth > 0) continue;
    elements.push_back(trimmed(inside.substr(start, at - start)));
    start = at + 1;
  }
  const auto last = trimmed(inside.substr(start));
  if (!last.empty()) elements.push_back(last);
  return elements;
}

/// A string's content, or else the source text; nullopt for null.
std::optional<std::string> scalar_text(std::string_view json) {
  if (json == "null") return std::nullopt;
  if (auto content = base::json_string(json)) return content;
  return std::string(json);
}

std::optional<std::string> postgres_text(const std::optional<std::string>& text) {
  return text.transform([](const std::string& t) { return base::to_postgres_text(t); });
}

/// Postgres takes arrays of six dimensions; what is deeper stays JSON text, and it says so.
constexpr int dimensions_max = 6;

std::string array_literal(std::string_view json, const ParameterType& type, int dimension) {
  ArrayLiteral literal(type.element_delimiter);
  for (const auto element : elements_of(json)) {
    if (type.elements_are_json && element != "null")
      literal.add(std::string(element));
    else if (element.starts_with('[') && dimension < dimensions_max)
      literal.add_literal(array_literal(element, type, dimension + 1));
    else
      literal.add(postgres_text(scalar_text(element)));
  }
  return literal.text();
}

bool is_container(std::string_view json) {
  return json.starts_with('{') || json.starts_with('[');
}

}  // namespace

void ArrayLiteral::add(const std::optional<std::string>& value) {
  if (!value) return add_literal("NULL");
  std::string quoted = "\"";
  for (const char c : *value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  quoted += '"';
  add_literal(quoted);
}

void ArrayLiteral::add_literal(std::string_view literal) {
  if (text_.size() > 1) text_ += delimiter_;
  text_ += literal;
}

std::optional<std::string> EntryValues::value(const base::Selector& selector,
                                              const ParameterType& type) {
  const auto* pointer = std::get_if<base::JsonPointer>(&selector);
  if (pointer == nullptr) return postgres_text(other_text(selector));
  const auto json = json_at(*pointer);
  if (!json || *json == "null") return std::nullopt;
  if (type.is_json) return std::string(*json);
  if (type.is_array && json->starts_with('[')) return array_literal(*json, type, 1);
  return postgres_text(scalar_text(*json));
}

bool EntryValues::holds(const base::Condition& condition) {
  const auto* pointer = std::get_if<base::JsonPointer>(&condition.selector);
  if (pointer == nullptr) return postgres_text(other_text(condition.selector)) == condition.value;
  const auto json = json_at(*pointer);
  return json && !is_container(*json) && postgres_text(scalar_text(*json)) == condition.value;
}

std::optional<std::string_view> EntryValues::json_at(const base::JsonPointer& pointer) const {
  const auto document = payload_->document();
  return document ? base::json_text_at(*document, pointer) : std::nullopt;
}

std::optional<std::string> EntryValues::other_text(const base::Selector& selector) {
  if (const auto* header = std::get_if<base::HeaderSelector>(&selector)) {
    for (const auto& [name, value] : entry_->headers)
      if (base::equal_ignore_case(name, header->name)) return value;
    return std::nullopt;
  }
  if (const auto* form = std::get_if<base::FormSelector>(&selector)) {
    const auto found = base::find_field(form_fields(), form->name);
    return found ? std::optional(std::string(*found)) : std::nullopt;
  }
  switch (std::get<base::EntryField>(selector)) {
    case base::EntryField::id: return entry_->id.to_string();
    case base::EntryField::received_at: return base::to_rfc3339(entry_->received_at);
    case base::EntryField::source: return entry_->source;
  }
  return std::nullopt;
}

const base::FormFields& EntryValues::form_fields() {
  if (form_) return *form_;
  std::string_view text;
  if (entry_->method == "GET") {
    const std::string_view target = entry_->target;
    const auto mark = target.find('?');
    if (mark != std::string_view::npos) text = target.substr(mark + 1);
  } else if (base::is_media_type(entry_->content_type, base::form_media_type)) {
    text = entry_->body;
  }
  return form_.emplace(base::decode_form(text));
}

}  // namespace holdfast::postgres
