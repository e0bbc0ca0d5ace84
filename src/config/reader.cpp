#include "config/reader.hpp"

#include <algorithm>
#include <format>

#include "base/check.hpp"
#include "config/keys.hpp"
#include "config/quantity.hpp"
#include "config/secret_file.hpp"

namespace holdfast::config {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::none: return "nothing";
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a fraction";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
  }
  return "something else";
}

TableReader::TableReader(const toml::table& table, std::string_view section, std::string shown,
                         Loading& loading)
    : table_(table), section_(section), shown_(std::move(shown)), loading_(loading) {
  const auto known = key_table(section).keys;
  for (const auto& [key, node] : table) {
    if (std::ranges::contains(known, key.str())) continue;
    note(key.source().begin.line, shown_key(key.str()), unknown_key_message(section, key.str()));
  }
}

const toml::node* TableReader::find(std::string_view key) const {
  HOLDFAST_CHECK(std::ranges::contains(key_table(section_).keys, key),
                 "a key is read that its section does not list");
  return table_.get(key);
}

bool TableReader::has(std::string_view key) const {
  return find(key) != nullptr;
}

std::string TableReader::shown_key(std::string_view key) const {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  const bool bare = !key.empty() && std::ranges::all_of(key, plain);
  return shown_ + '.' + (bare ? std::string(key) : in_quotes(key));
}

void TableReader::note(std::uint32_t line, std::string shown_key, std::string message) {
  loading_.errors.list.push_back({line, std::move(shown_key), std::move(message)});
}

std::uint32_t TableReader::line_of(std::string_view key) const {
  const auto* node = find(key);
  const std::string file_key = std::format("{}_file", key);
  if (node == nullptr && std::ranges::contains(key_table(section_).keys, file_key))
    node = find(file_key);
  return (node != nullptr ? node->source() : table_.source()).begin.line;
}

void TableReader::error(std::string_view key, std::string message) {
  const auto* node = find(key);
  note(node != nullptr ? node->source().begin.line : table_.source().begin.line, shown_key(key),
       std::move(message));
}

void TableReader::element_error(std::string_view key, std::size_t index, std::string message) {
  const auto* node = find(key);
  const auto* array = node != nullptr ? node->as_array() : nullptr;
  const auto* element = array != nullptr ? array->get(index) : nullptr;
  note(element != nullptr ? element->source().begin.line : line_of(key),
       std::format("{}[{}]", shown_key(key), index), std::move(message));
}

void TableReader::warning(std::string_view key, std::string message) {
  loading_.warnings.push_back({line_of(key), shown_key(key), std::move(message)});
}

void TableReader::read_bool(std::string_view key, bool& value) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (!node->is_boolean())
    return error(key, std::format("is {}; write true or false", type_name(*node)));
  value = node->as_boolean()->get();
}

void TableReader::read_count(std::string_view key, std::uint32_t& value,
                             Range<std::uint32_t> range) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (!node->is_integer())
    return error(key, std::format("is {}; write a whole number without quotes, {} to {}",
                                  type_name(*node), range.min, range.max));
  const std::int64_t number = node->as_integer()->get();
  if (number < range.min || number > range.max)
    return error(key,
                 std::format("{} is out of range; write {} to {}", number, range.min, range.max));
  value = static_cast<std::uint32_t>(number);
}

void TableReader::read_duration(std::string_view key, std::chrono::milliseconds& value,
                                Range<std::chrono::milliseconds> range) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (!node->is_string())
    return error(key, std::format("is {}; write a duration with its unit, such as \"{}\"",
                                  type_name(*node), duration_text(value)));
  const auto raw = text(key);
  if (!raw) return;
  const auto parsed = parse_duration(*raw);
  if (!parsed) return error(key, parsed.error());
  if (*parsed < range.min || *parsed > range.max)
    return error(key, std::format("{} is out of range; write {} to {}", in_quotes(*raw),
                                  duration_text(range.min), duration_text(range.max)));
  value = *parsed;
}

void TableReader::read_size(std::string_view key, std::uint64_t& value,
                            Range<std::uint64_t> range) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (!node->is_string())
    return error(key, std::format("is {}; write a size with its unit, such as \"{}\"",
                                  type_name(*node), size_text(value)));
  const auto raw = text(key);
  if (!raw) return;
  const auto parsed = parse_size(*raw);
  if (!parsed) return error(key, parsed.error());
  if (*parsed < range.min || *parsed > range.max)
    return error(key, std::format("{} is out of range; write {} to {}", in_quotes(*raw),
                                  size_text(range.min), size_text(range.max)));
  value = *parsed;
}

std::optional<std::string> TableReader::substituted(const toml::node& node,
                                                    const std::string& shown_key) {
  const std::uint32_t line = node.source().begin.line;
  if (!node.is_string()) {
    note(line, shown_key, std::format("is {}; write a string in quotes", type_name(node)));
    return std::nullopt;
  }
  auto value = substitute(node.as_string()->get(), loading_.environment);
  if (!value) {
    note(line, shown_key, std::move(value.error()));
    return std::nullopt;
  }
  if (value->contains('\0')) {
    note(line, shown_key, "holds a NUL character; remove it");
    return std::nullopt;
  }
  return *std::move(value);
}

std::optional<std::string> TableReader::text(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  return substituted(*node, shown_key(key));
}

std::optional<std::size_t> TableReader::word(std::string_view key,
                                             std::span<const std::string_view> words) {
  const auto raw = text(key);
  if (!raw) return std::nullopt;
  const auto found = std::ranges::find(words, *raw);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  error(key, std::format("{} is not known; {}", in_quotes(*raw), suggestion(*raw, words)));
  return std::nullopt;
}

std::optional<std::vector<std::string>> TableReader::texts(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->is_string()) {
    auto single = text(key);
    if (!single) return std::nullopt;
    return std::vector{*std::move(single)};
  }
  if (!node->is_array()) {
    error(key, std::format("is {}; write an array of strings", type_name(*node)));
    return std::nullopt;
  }
  std::vector<std::string> values;
  bool good = true;
  for (const auto& element : *node->as_array()) {
    auto value = substituted(element, std::format("{}[{}]", shown_key(key), values.size()));
    good = good && value.has_value();
    values.push_back(std::move(value).value_or(""));
  }
  if (!good) return std::nullopt;
  return values;
}

std::optional<std::string> TableReader::secret(std::string_view key) {
  const std::string file_key = std::format("{}_file", key);
  auto value = text(key);
  const auto path = text(file_key);
  if (!path) return value;
  if (value && !value->empty()) {
    error(file_key, std::format("stands beside \"{}\"; keep one of the two", key));
    return std::nullopt;
  }
  auto lines = read_secret_file(*path);
  if (lines && lines->size() > 1) lines = std::unexpected("holds more than one line; keep one");
  if (!lines) {
    error(file_key, std::format("file {} {}", in_quotes(*path), lines.error()));
    return std::nullopt;
  }
  return std::move(lines->front());
}

}  // namespace holdfast::config
