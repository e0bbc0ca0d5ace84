#include "ingress/payload.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace holdfast::ingress {

bool Payload::may_be_json() const {
  const bool form = base::is_media_type(head_.first("Content-Type"), base::form_media_type);
  const auto first = body_.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  const bool container =
      first != std::string_view::npos && std::string_view("{[").contains(body_[first]);
  // curl -d sends JSON under the type of a form, so the first character counts as well.
  return !form || container;
}

bool Payload::is_json() {
  if (!json_) json_ = may_be_json() && base::is_json(body_);
  return *json_;
}

/// A repeat is recognised by its key though a name in it is Latin-1.
bool Payload::is_json_but_for_utf8() {
  if (!nearly_json_ && (base::is_utf8(body_) || !may_be_json())) nearly_json_ = false;
  if (!nearly_json_) {
    std::string ascii(body_);
    std::ranges::replace_if(
        ascii, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    nearly_json_ = base::is_json(ascii);
  }
  return *nearly_json_;
}

const base::FormFields& Payload::fields() {
  if (!fields_) {
    const bool form = base::is_media_type(head_.first("Content-Type"), base::form_media_type);
    const bool get = head_.method == "GET";
    fields_ = base::decode_form(get ? head_.query() : form && !is_json() ? body_ : "");
  }
  return *fields_;
}

std::optional<std::string> Payload::scalar_at(const base::JsonPointer& pointer) {
  if (is_json() || is_json_but_for_utf8()) {
    const auto text = base::json_text_at(body_, pointer);
    return text ? base::json_scalar(*text) : std::nullopt;
  }
  if (pointer.size() != 1) return std::nullopt;
  const auto field = base::find_field(fields(), pointer.front());
  return field ? std::optional<std::string>(*field) : std::nullopt;
}

std::optional<std::string> Payload::json_string_at(const base::JsonPointer& pointer) {
  if (!is_json()) return std::nullopt;
  const auto text = base::json_text_at(body_, pointer);
  return text ? base::json_string(*text) : std::nullopt;
}

}  // namespace holdfast::ingress
