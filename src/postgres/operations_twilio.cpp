#include "postgres/operations_twilio.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/encoding.hpp"
#include "base/form.hpp"
#include "postgres/operations_json.hpp"
#include "postgres/payload.hpp"

namespace holdfast::postgres {
namespace {

constexpr std::string_view twilio_provider = "twilio";
/// Twilio sends ten at the most; each one is looked up by name.
constexpr std::size_t media_max = 100;

using Text = std::optional<std::string>;

/// The fields of a request and its source as JSON.
struct Request {
  base::FormFields fields;
  Text raw;

  /// The first of these names that has a value.
  [[nodiscard]] Text text(std::initializer_list<std::string_view> names) const {
    for (const auto name : names) {
      const auto value = base::find_field(fields, name);
      if (value && !value->empty()) return base::to_postgres_text(*value);
    }
    return std::nullopt;
  }
  [[nodiscard]] Text id(std::initializer_list<std::string_view> names) const {
    auto value = text(names);
    return value && value->size() <= operation_key_bytes_max ? value : std::nullopt;
  }
};

Request from_form(std::string_view form) {
  return {base::decode_form(form), payload_of(base::form_media_type, form).json};
}

Request from_json(std::string_view body) {
  Request request;
  const auto tape = JsonTape::read(body);
  if (!tape) return request;
  const auto members = tape->root().members();
  // The last of repeated names counts in JSON, but the first field is found.
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    const auto& [name, value] = *member;
    const auto text = value.string().or_else([&value] { return value.number(); });
    if (text) request.fields.emplace_back(name, *text);
  }
  request.raw = tape->root().jsonb();
  return request;
}

Request read(const Entry& entry) {
  const std::string_view target = entry.target;
  const auto question_mark = target.find('?');
  if (entry.method == "GET")
    return from_form(question_mark == std::string_view::npos ? ""
                                                             : target.substr(question_mark + 1));
  if (base::is_media_type(entry.content_type, base::form_media_type)) return from_form(entry.body);
  return from_json(entry.body);
}

/// The number in an address such as "+14155550100" or "whatsapp:+14155550100".
Text phone_number(std::string_view address) {
  const auto plus = address.rfind(':') == std::string_view::npos ? 0 : address.rfind(':') + 1;
  const auto number = address.substr(plus);
  return number.starts_with('+') ? e164(number.substr(1)) : std::nullopt;
}

Text media_of(const Request& request) {
  auto list = nlohmann::json::array();
  for (std::size_t i = 0; i < media_max; ++i) {
    auto url = request.text({std::format("MediaUrl{}", i)});
    if (!url) break;
    auto type = request.text({std::format("MediaContentType{}", i)});
    list.push_back({{"url", *std::move(url)},
                    {"content_type", type ? nlohmann::json(*std::move(type)) : nullptr}});
  }
  return list.empty() ? std::nullopt : Text(list.dump());
}

/// A word that says what became of a message; nothing where a message comes in.
Text status_of(const Request& request) {
  auto word = request.id({"MessageStatus", "SmsStatus"});
  return word == "received" || word == "receiving" ? std::nullopt : word;
}

Text error_of(const Request& request) {
  const auto code = request.text({"ErrorCode"});
  if (!code) return std::nullopt;
  const auto message = request.text({"ErrorMessage", "ChannelStatusMessage"});
  const nlohmann::json error{{"code", *code},
                             {"message", message ? nlohmann::json(*message) : nullptr}};
  return error.dump();
}

OperationRows inbound(const Entry& entry, const Request& request, std::string sid) {
  OperationRows rows;
  const auto from = request.id({"From"});
  if (from)
    rows.users.push_back({std::string(twilio_provider), *from, phone_number(*from),
                          request.text({"ProfileName"}), entry.received_at, entry.received_at});
  const auto media = media_of(request);
  const auto count = request.text({"NumMedia"}).value_or("0");
  const bool has_media = media || count.find_first_not_of('0') != std::string::npos;
  const std::string kind = request.text({"MessageType"}).value_or(has_media ? "media" : "text");
  rows.messages.push_back({std::string(twilio_provider), std::move(sid), from, "inbound", kind,
                           request.text({"Body", "ButtonText"}), media,
                           request.text({"OriginalRepliedMessageSid"}), entry.received_at,
                           request.raw, entry.id});
  return rows;
}

}  // namespace

OperationRows twilio_rows(const Entry& entry) {
  const Request request = read(entry);
  auto sid = request.id({"MessageSid", "SmsSid", "SmsMessageSid"});
  if (!sid) return {};
  const auto status = status_of(request);
  if (!status) return inbound(entry, request, *std::move(sid));
  const auto recipient = request.id({"To"});
  if (!recipient && request.text({"To"})) return {};
  OperationRows rows;
  rows.statuses.push_back({std::string(twilio_provider), *std::move(sid), recipient.value_or(""),
                           *status, entry.received_at, error_of(request), entry.id});
  return rows;
}

}  // namespace holdfast::postgres
