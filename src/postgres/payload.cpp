#include "postgres/payload.hpp"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "base/json_pointer.hpp"

namespace holdfast::postgres {
namespace {

using nlohmann::json;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Finds what jsonb refuses of correct JSON: a NUL in a string, extreme depth. Builds nothing.
class JsonbCheck final : public json::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& value) override { return note(!value.contains('\0')); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool key(string_t& value) override { return note(!value.contains('\0')); }
  bool start_object(std::size_t /*elements*/) override { return deeper(); }
  bool start_array(std::size_t /*elements*/) override { return deeper(); }
  bool end_object() override { return depth_-- > 0; }
  bool end_array() override { return depth_-- > 0; }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }
  [[nodiscard]] bool fits() const { return fits_; }

 private:
  bool note(bool fit) {
    fits_ = fits_ && fit;
    return true;
  }
  bool deeper() { return note(++depth_ <= payload_depth_max); }

  bool fits_ = true;
  std::size_t depth_ = 0;
};

bool is_number(std::string_view text) {
  const auto digits = [&] {
    const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

/// The text with 0 for every number: the parser refuses those beyond the range of a double, which
/// the numeric of jsonb can hold.
std::string with_small_numbers(std::string_view text) {
  std::string small;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    const bool number = text[at] == '-' || (text[at] >= '0' && text[at] <= '9');
    if (number) {
      end = std::min(text.find_first_not_of("+-.eE0123456789", at), text.size());
    } else if (text[at] == '"') {
      while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2U : 1U;
      end = std::min(end + 1, text.size());
    }
    const std::string_view part = text.substr(at, end - at);
    small += number && is_number(part) ? "0" : part;
    at = end;
  }
  return small;
}

enum class Fit { jsonb, json_only, neither };

/// True for correct JSON without anything that jsonb might refuse: a NUL or a half of a surrogate
/// pair can only be written as an escape, and so few brackets cannot be nested too deeply.
bool is_plain(std::string_view text) {
  const auto brackets = std::ranges::count_if(text, [](char c) { return c == '{' || c == '['; });
  return static_cast<std::size_t>(brackets) <= payload_depth_max && !text.contains("\\u") &&
         base::is_json(text);
}

Fit fit_of(std::string_view text) {
  // The parser takes a NUL byte for the end of its input.
  if (text.contains('\0')) return Fit::neither;
  if (is_plain(text)) return Fit::jsonb;
  JsonbCheck plain;
  if (json::sax_parse(text.begin(), text.end(), &plain))
    return plain.fits() ? Fit::jsonb : Fit::json_only;
  const std::string small = with_small_numbers(text);
  JsonbCheck check;
  if (!json::sax_parse(small.begin(), small.end(), &check))
    return base::is_json(text) ? Fit::json_only : Fit::neither;
  return check.fits() ? Fit::jsonb : Fit::json_only;
}

/// "Application/JSON; charset=utf-8" to "application/json".
std::string media_type(std::string_view content_type) {
  std::string type;
  for (const char c : content_type.substr(0, content_type.find(';')))
    if (c != ' ' && c != '\t') type += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type;
}

bool starts_as_container(std::string_view body) {
  const auto first = body.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (body[first] == '{' || body[first] == '[');
}

constexpr bool stands_for_itself(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// A string of JSON; the text is UTF-8 without NUL.
void append_string(std::string& list, std::string_view text) {
  list += '"';
  while (!text.empty()) {
    const auto special = std::ranges::find_if_not(text, stands_for_itself);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    list += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    constexpr std::string_view named = "\"\\\b\f\n\r\t";
    constexpr std::string_view written = "\"\\bfnrt";
    if (const auto at = named.find(text.front()); at != std::string_view::npos) {
      list += '\\';
      list += written[at];
    } else {
      list += std::format("\\u{:04x}", static_cast<int>(text.front()));
    }
    text.remove_prefix(1);
  }
  list += '"';
}

std::string form_text(std::string_view encoded) {
  return base::to_postgres_text(base::percent_decode(encoded, true));
}

std::string form_json(std::string_view body) {
  json fields = json::object();
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const bool bare = equals == std::string_view::npos;
    std::string value = bare ? std::string() : form_text(pair.substr(equals + 1));
    const auto [field, is_new] = fields.emplace(form_text(pair.substr(0, equals)), value);
    if (is_new) continue;
    if (field->is_string()) *field = json::array({*field});
    field->push_back(std::move(value));
  }
  return fields.dump();
}

}  // namespace

Payload payload_of(std::string_view content_type, std::string_view body) {
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  if (body.empty()) return {};
  const std::string type = media_type(content_type);
  const bool form = type == "application/x-www-form-urlencoded";
  const bool container = starts_as_container(body);
  // curl -d sends JSON under the type of a form, so the first character counts as well.
  const bool meant_as_json = type.empty() || type == "application/json" || type == "text/json" ||
                             type.ends_with("+json") || container;
  const Fit fit = !form || container ? fit_of(body) : Fit::neither;
  if (fit == Fit::jsonb) return {std::string(body), false, std::nullopt};
  if (fit == Fit::json_only) return {std::nullopt, meant_as_json, std::string(body)};
  if (form) return {form_json(body), false, std::nullopt};
  return {std::nullopt, meant_as_json, std::nullopt};
}

std::string headers_json(const std::vector<Header>& headers) {
  std::string list = "[";
  for (const auto& header : headers) {
    if (list.size() > 1) list += ',';
    list += '[';
    append_string(list, base::to_postgres_text(header.name));
    list += ',';
    append_string(list, base::to_postgres_text(header.value));
    list += ']';
  }
  list += ']';
  return list;
}

}  // namespace holdfast::postgres
