#pragma once

#include <format>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "holdfast/entry.hpp"
#include "postgres/operations_rows.hpp"

/// Webhooks as the providers send them, for the tests of the built-in operations.
namespace holdfast::postgres {

inline constexpr WallTime operations_received_at{std::chrono::milliseconds(1'763'938'162'123)};

inline Entry webhook(std::string body, std::string content_type = "application/json") {
  Entry entry;
  entry.id = base::random_uuid();
  entry.source = "sender";
  entry.received_at = operations_received_at;
  entry.method = "POST";
  entry.target = "/hook";
  entry.content_type = std::move(content_type);
  entry.body = std::move(body);
  return entry;
}

inline Entry form_webhook(std::string body) {
  return webhook(std::move(body), "application/x-www-form-urlencoded; charset=UTF-8");
}

/// One change of one account, with the members of its value.
inline std::string change(std::string_view value, std::string_view field = "messages") {
  return std::format(R"({{"field":"{}","value":{{"messaging_product":"whatsapp","metadata":)"
                     R"({{"display_phone_number":"15550783881","phone_number_id":"1065"}},{}}}}})",
                     field, value);
}
inline std::string envelope(std::string_view changes) {
  return std::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"102290","changes":[{}]}}]}})",
      changes);
}
/// A message of a known user; `rest` begins with the type.
inline std::string message_json(std::string_view id, std::string_view rest,
                                std::string_view from = "16505551234",
                                std::string_view timestamp = "1749416383") {
  return std::format(R"({{"from":"{}","id":"{}","timestamp":"{}",{}}})", from, id, timestamp, rest);
}
inline std::string contact_json(std::string_view wa_id, std::string_view name) {
  return std::format(R"({{"profile":{{"name":"{}"}},"wa_id":"{}"}})", name, wa_id);
}
inline std::string status_json(std::string_view id, std::string_view status,
                               std::string_view timestamp = "1749416400",
                               std::string_view rest = "") {
  return std::format(
      R"({{"id":"{}","status":"{}","timestamp":"{}","recipient_id":"16505551234"{}}})", id, status,
      timestamp, rest);
}
/// A whole webhook with these messages of Sheena Nelson.
inline Entry messages_webhook(std::string_view messages) {
  return webhook(
      envelope(change(std::format(R"("contacts":[{}],"messages":[{}])",
                                  contact_json("16505551234", "Sheena Nelson"), messages))));
}

/// Every type of message, by name: what follows `type` in the message.
inline const std::vector<std::pair<std::string, std::string>>& message_types() {
  static const std::vector<std::pair<std::string, std::string>> types{
      {"text", R"("text":{"body":"Does it come in another color? \ud83d\ude00"})"},
      {"image", R"("image":{"id":"1","mime_type":"image/jpeg","sha256":"a\/b=","caption":"Look"})"},
      {"video", R"("video":{"id":"2","mime_type":"video/mp4","sha256":"c","caption":"Watch"})"},
      {"audio", R"("audio":{"id":"3","mime_type":"audio/ogg","sha256":"d","voice":true})"},
      {"document", R"("document":{"id":"4","mime_type":"application/pdf","sha256":"e",)"
                   R"("filename":"a.pdf","caption":"Read"})"},
      {"sticker", R"("sticker":{"id":"5","mime_type":"image/webp","sha256":"f","animated":false})"},
      {"location", R"("location":{"latitude":37.44,"longitude":-122.16,"name":"Philz Coffee",)"
                   R"("address":"101 Forest Ave","url":"https://example.com"})"},
      {"contacts", R"("contacts":[{"name":{"formatted_name":"Barbara J. Johnson"},)"
                   R"("phones":[{"phone":"+1 650","wa_id":"1650","type":"CELL"}]}])"},
      {"reaction", R"("reaction":{"message_id":"wamid.first","emoji":"\ud83d\udc4d"})"},
      {"button", R"("context":{"from":"15550783881","id":"wamid.template"},)"
                 R"("button":{"payload":"NO","text":"No thanks"})"},
      {"interactive",
       R"("context":{"id":"wamid.menu"},"interactive":{"type":"list_reply",)"
       R"("list_reply":{"id":"p","title":"Priority Mail","description":"1-3 days"}})"},
      {"order",
       R"("order":{"catalog_id":"194","text":"Love these!","product_items":[)"
       R"({"product_retailer_id":"di9","quantity":2,"item_price":30.5,"currency":"USD"}]})"},
      {"system", R"("system":{"body":"Sheena changed from 1 to 2","type":"user_changed_number",)"
                 R"("wa_id":"2"})"},
      {"unsupported", R"("errors":[{"code":131051,"title":"Unsupported message type"}])"},
      {"request_welcome", R"("referral":{"source_type":"ad","ctwa_clid":"x"})"},
      {"hologram", R"("hologram":{"id":"9","caption":"From the future"})"}};
  return types;
}
inline std::string typed_message(const std::string& type, const std::string& part) {
  return message_json("wamid." + type, std::format(R"("type":"{}",{})", type, part));
}

}  // namespace holdfast::postgres
