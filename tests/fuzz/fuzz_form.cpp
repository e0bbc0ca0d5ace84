// Forms: what is decoded can be encoded and decoded again, and the payload column has the same
// fields.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/form.hpp"
#include "fuzz/target.hpp"
#include "postgres/payload.hpp"
#include "support/sign.hpp"

namespace holdfast::fuzz {
namespace {

void check_payload_column(std::string_view input, const base::FormFields& fields) {
  const auto payload = postgres::payload_of(base::form_media_type, input);
  const auto first = input.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos || input[first] == '{' || input[first] == '[' ||
      input.starts_with("\xEF\xBB\xBF"))
    return;
  HOLDFAST_CHECK(payload.json.has_value() && !payload.unfit, "a form is an object");
  const auto object = nlohmann::json::parse(*payload.json);
  std::set<std::string> names;
  for (const auto& field : fields) names.insert(base::to_postgres_text(field.first));
  HOLDFAST_CHECK(object.is_object() && object.size() == names.size(), "every name is there");
  std::size_t values = 0;
  for (const auto& [name, value] : object.items()) {
    HOLDFAST_CHECK(names.contains(name), "no name is made up");
    values += value.is_array() ? value.size() : 1;
  }
  HOLDFAST_CHECK(values == fields.size(), "every value is there");
}

void check_form(std::string_view input) {
  const auto fields = base::decode_form(input);
  const auto parts = static_cast<std::size_t>(std::ranges::count(input, '&')) + 1;
  HOLDFAST_CHECK(fields.size() <= parts, "a field needs a part");
  HOLDFAST_CHECK(base::decode_form(support::form_body(fields)) == fields, "decoding is exact");
  for (const auto& [name, value] : fields) {
    HOLDFAST_CHECK(base::find_field(fields, name).has_value(), "every field is found");
    HOLDFAST_CHECK(name.size() + value.size() <= input.size(), "decoding never adds");
  }
  check_payload_column(input, fields);
  const bool form = base::is_media_type(input, base::form_media_type);
  if (form) HOLDFAST_CHECK(input.size() >= base::form_media_type.size(), "a type is written out");
  HOLDFAST_CHECK(base::is_media_type(std::string(base::form_media_type) + ";" + std::string(input),
                                     base::form_media_type),
                 "parameters do not count");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("form", holdfast::fuzz::check_form);
