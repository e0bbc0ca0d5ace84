#pragma once

#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <string_view>

namespace holdfast::bench {

inline constexpr std::string_view sample_target = "/ingest/bench";
inline constexpr std::string_view sample_type = "application/json";
/// As the outbox keeps them.
inline constexpr std::string_view sample_headers =
    "4:Host,9:127.0.0.1,12:Content-Type,16:application/json,";

inline std::string sample_key(std::uint64_t number) {
  return std::format("key-{:020}", number);
}

/// JSON of that many bytes, as the load generator sends it: an id, one of 1,000 users, a text.
inline std::string sample_body(std::uint64_t number, std::size_t bytes) {
  auto body = std::format(R"({{"id":"{}","user":"u{}","kind":"message","text":")",
                          sample_key(number), number % 1000);
  const auto fixed = body.size() + 2;
  return body + std::string(bytes > fixed ? bytes - fixed : 0, 'x') + "\"}";
}

inline constexpr std::size_t sample_senders = 1000;
inline constexpr std::string_view sample_name = "Sheena Nelson";

inline std::string sample_phone(std::uint64_t number) {
  return std::format("1650555{:04}", number % sample_senders);
}

/// Unix time at which a WhatsApp message was sent: each of a sender later than the one before.
inline std::uint64_t sample_second(std::uint64_t number) {
  return 1'749'416'383 + number / sample_senders;
}

/// Fills a webhook of about that many bytes, which holds 440 without any text.
inline std::string sample_text(std::size_t bytes) {
  return std::string(bytes > 440 ? bytes - 440 : 1, 'x');
}

inline std::string sample_message(std::uint64_t number, std::size_t bytes) {
  return std::format(
      R"({{"from":"{}","id":"wamid.{}","timestamp":"{}","type":"text","text":{{"body":"{}"}}}})",
      sample_phone(number), sample_key(number), sample_second(number), sample_text(bytes));
}

/// WhatsApp's webhook for one message of text.
inline std::string sample_webhook(std::uint64_t number, std::size_t bytes) {
  return std::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"102290129340398","changes":[)"
      R"({{"value":{{"messaging_product":"whatsapp","metadata":{{)"
      R"("display_phone_number":"15550783881","phone_number_id":"106540352242922"}},)"
      R"("contacts":[{{"profile":{{"name":"{}"}},"wa_id":"{}"}}],"messages":[{}]}},)"
      R"("field":"messages"}}]}}]}})",
      sample_name, sample_phone(number), sample_message(number, bytes));
}

}  // namespace holdfast::bench
