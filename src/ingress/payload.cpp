#include "ingress/payload.hpp"

namespace holdfast::ingress {

bool Payload::is_json() {
  if (!json_) {
    const bool form = base::is_media_type(head_.first("Content-Type"), base::form_media_type);
    const auto first = body_.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    const bool container =
        first != std::string_view::npos && std::string_view("{[").contains(body_[first]);
    // curl -d sends JSON under the type of a form, so the first character counts as well.
    json_ = (!form || container) && base::is_json(body_);
  }
  return *json_;
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
  if (is_json()) {
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
