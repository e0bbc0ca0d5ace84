#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Signers as the providers have them, made from the reference and not from the daemon's verifiers.
namespace holdfast::support {

/// The value of X-Hub-Signature-256: "sha256=<hex>" over the raw body.
[[nodiscard]] std::string sign_whatsapp(std::string_view app_secret, std::string_view body);

/// The value of X-Twilio-Signature over the URL and, sorted by name, the decoded form fields.
[[nodiscard]] std::string sign_twilio(std::string_view auth_token, std::string_view url,
                                      std::vector<std::pair<std::string, std::string>> fields);

/// Fields as an application/x-www-form-urlencoded body, everything unusual escaped.
[[nodiscard]] std::string form_body(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace holdfast::support
