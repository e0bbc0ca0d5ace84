#include "base/form.hpp"

#include <ranges>

#include "base/encoding.hpp"

namespace holdfast::base {

FormFields decode_form(std::string_view text) {
  FormFields fields;
  for (const auto range : std::views::split(text, '&')) {
    const std::string_view part(range);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    fields.emplace_back(percent_decode(part.substr(0, equals), true), percent_decode(value, true));
  }
  return fields;
}

std::optional<std::string_view> find_field(const FormFields& fields, std::string_view name) {
  for (const auto& [field, value] : fields)
    if (field == name) return value;
  return std::nullopt;
}

bool is_media_type(std::string_view content_type, std::string_view media_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  const auto end = type.find_last_not_of(" \t");
  type = type.substr(0, end == std::string_view::npos ? 0 : end + 1);
  return equal_ignore_case(type, media_type);
}

}  // namespace holdfast::base
