#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/form.hpp"
#include "base/json_pointer.hpp"
#include "ingress/head.hpp"

namespace holdfast::ingress {

/// What a request says, looked into by JSON pointer: its JSON, or the object of its form fields, as
/// the column payload will have it. Nothing is parsed before it is asked for.
///
/// Needs:    head and body outlive it, unchanged.
/// Threads:  one at a time.
class Payload {
 public:
  Payload(const RequestHead& head, std::string_view body) : head_(head), body_(body) {}
  [[nodiscard]] std::string_view body() const { return body_; }
  /// It says what it says in its query, and has no body.
  [[nodiscard]] bool is_get() const { return head_.method == "GET"; }
  [[nodiscard]] std::string_view content() const { return is_get() ? head_.query() : body_; }
  [[nodiscard]] bool is_json();
  /// The string or number at this place, also of what is JSON but for bytes that are no UTF-8; of a
  /// form, the first value of the field that the pointer's only token names. nullopt if there is
  /// none. Two that differ are different here, so this may hold any bytes.
  [[nodiscard]] std::optional<std::string> scalar_at(const base::JsonPointer& pointer);
  /// The string, and nothing but a string, at this place of a JSON document.
  [[nodiscard]] std::optional<std::string> json_string_at(const base::JsonPointer& pointer);
  /// The fields of a form, or of the query of a GET; empty for anything else.
  [[nodiscard]] const base::FormFields& fields();

 private:
  [[nodiscard]] bool may_be_json() const;
  [[nodiscard]] bool is_json_but_for_utf8();

  const RequestHead& head_;
  const std::string_view body_;
  std::optional<bool> json_;
  std::optional<bool> nearly_json_;
  std::optional<base::FormFields> fields_;
};

}  // namespace holdfast::ingress
