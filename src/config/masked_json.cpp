#include "config/masked_json.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <toml++/toml.hpp>

#include "config/masked.hpp"

namespace holdfast::config {
namespace {

/// What toml_string wrote for "${" stands for itself again: JSON knows no variables.
std::string without_escapes(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "$${") == 0) ++i;
    result += text[i];
  }
  return result;
}

nlohmann::json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    auto object = nlohmann::json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = to_json(value);
    return object;
  }
  if (const auto* array = node.as_array()) {
    auto list = nlohmann::json::array();
    for (const auto& value : *array) list.push_back(to_json(value));
    return list;
  }
  if (const auto* text = node.as_string()) return without_escapes(text->get());
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  return nullptr;
}

}  // namespace

nlohmann::json to_masked_json(const Config& config) {
  // By way of the text, so that the two can never show different things.
  return to_json(toml::parse(to_masked_toml(config)));
}

}  // namespace holdfast::config
