#include "postgres/operations_twilio.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

#include "operations_support.hpp"

namespace holdfast::postgres {
namespace {

const std::string sms =
    "ToCountry=US&MessageSid=SM01&AccountSid=AC01&From=%2B14155550100&To=%2B18005551212&"
    "Body=Hello+%26+welcome&NumMedia=0&NumSegments=1&SmsStatus=received&SmsSid=SM01&"
    "SmsMessageSid=SM01&ApiVersion=2010-04-01&FromCity=";
const std::string whatsapp =
    "SmsMessageSid=SM02&NumMedia=0&ProfileName=Zo%C3%AB+%F0%9F%98%80&MessageType=text&SmsSid=SM02&"
    "WaId=14155550100&SmsStatus=received&Body=Hi&To=whatsapp%3A%2B14155238886&MessageSid=SM02&"
    "From=whatsapp%3A%2B14155550100&OriginalRepliedMessageSid=SM01";

void check_nothing(const OperationRows& rows) {
  CHECK(rows.users.empty());
  CHECK(rows.messages.empty());
  CHECK(rows.statuses.empty());
}

}  // namespace

TEST_CASE("twilio: an SMS becomes a message and its sender a user", "[operations][twilio]") {
  const auto entry = form_webhook(sms);
  const auto rows = twilio_rows(entry);
  REQUIRE(rows.messages.size() == 1);
  const auto& message = rows.messages[0];
  CHECK(message.provider == "twilio");
  CHECK(message.message_id == "SM01");
  CHECK(message.user_external_id == "+14155550100");
  CHECK(message.direction == "inbound");
  CHECK(message.kind == "text");
  CHECK(message.text_body == "Hello & welcome");
  CHECK_FALSE(message.media.has_value());
  CHECK_FALSE(message.context_message_id.has_value());
  CHECK(message.sent_at == operations_received_at);
  CHECK(message.entry_id == entry.id);
  REQUIRE(message.raw.has_value());
  CHECK(message.raw->contains(R"("Body":"Hello & welcome")"));
  CHECK(message.raw->contains(R"("FromCity":"")"));
  REQUIRE(rows.users.size() == 1);
  CHECK(rows.users[0].provider == "twilio");
  CHECK(rows.users[0].external_id == "+14155550100");
  CHECK(rows.users[0].phone_number == "+14155550100");
  CHECK_FALSE(rows.users[0].display_name.has_value());
  CHECK(rows.users[0].last_seen_at == operations_received_at);
  CHECK(rows.statuses.empty());
}

TEST_CASE("twilio: a WhatsApp message keeps the prefix of its sender", "[operations][twilio]") {
  const auto rows = twilio_rows(form_webhook(whatsapp));
  REQUIRE(rows.messages.size() == 1);
  CHECK(rows.messages[0].user_external_id == "whatsapp:+14155550100");
  CHECK(rows.messages[0].context_message_id == "SM01");
  REQUIRE(rows.users.size() == 1);
  CHECK(rows.users[0].external_id == "whatsapp:+14155550100");
  CHECK(rows.users[0].phone_number == "+14155550100");
  CHECK(rows.users[0].display_name == "Zoë 😀");
}

TEST_CASE("twilio: short codes and names are no phone numbers", "[operations][twilio]") {
  for (const auto* from : {"24273", "HOLDFAST", "%2B", "%2B0123", "messenger%3A1234",
                           " 14155550100", "whatsapp%3A", "%2B14155550100x"}) {
    const auto rows = twilio_rows(form_webhook(std::string("MessageSid=SM1&From=") + from));
    REQUIRE(rows.users.size() == 1);
    CHECK_FALSE(rows.users[0].phone_number.has_value());
  }
}

TEST_CASE("twilio: media are listed with their types", "[operations][twilio]") {
  const auto message_of = [](const std::string& rest) {
    return twilio_rows(form_webhook("MessageSid=MM1&From=%2B14155550100&" + rest)).messages.at(0);
  };
  const auto two = message_of(
      "Body=&NumMedia=2&MediaUrl0=https%3A%2F%2Fa%2F0&MediaContentType0=image%2Fjpeg&"
      "MediaUrl1=https%3A%2F%2Fa%2F1");
  CHECK(two.kind == "media");
  CHECK_FALSE(two.text_body.has_value());
  CHECK(two.media == R"([{"content_type":"image/jpeg","url":"https://a/0"},)"
                     R"({"content_type":null,"url":"https://a/1"}])");
  CHECK(message_of("NumMedia=1").kind == "media");
  CHECK_FALSE(message_of("NumMedia=99999999999999999999").media.has_value());
  CHECK(message_of("MediaUrl0=u").kind == "media");
  CHECK(message_of("NumMedia=0").kind == "text");
  CHECK(message_of("NumMedia=1&MessageType=image").kind == "image");
  CHECK(message_of("MessageType=button&ButtonText=Yes&ButtonPayload=y").text_body == "Yes");
  CHECK(message_of("Body=b&ButtonText=Yes").text_body == "b");
}

TEST_CASE("twilio: a status callback is a status of the message that was sent",
          "[operations][twilio]") {
  const auto entry = form_webhook(
      "SmsSid=SM9&SmsStatus=undelivered&MessageStatus=undelivered&To=%2B14155550100&MessageSid=SM9&"
      "AccountSid=AC&From=%2B18005551212&ErrorCode=30008&ErrorMessage=Unknown+error");
  const auto rows = twilio_rows(entry);
  CHECK(rows.messages.empty());
  CHECK(rows.users.empty());
  REQUIRE(rows.statuses.size() == 1);
  CHECK(rows.statuses[0].provider == "twilio");
  CHECK(rows.statuses[0].message_id == "SM9");
  CHECK(rows.statuses[0].recipient == "+14155550100");
  CHECK(rows.statuses[0].status == "undelivered");
  CHECK(rows.statuses[0].at == operations_received_at);
  CHECK(rows.statuses[0].error == R"({"code":"30008","message":"Unknown error"})");
  CHECK(rows.statuses[0].entry_id == entry.id);

  for (const auto* status : {"queued", "sending", "sent", "delivered", "failed", "read"}) {
    for (const auto* name : {"MessageStatus", "SmsStatus"}) {
      const auto one = twilio_rows(form_webhook(std::format("SmsSid=SM9&{}={}", name, status)));
      REQUIRE(one.statuses.size() == 1);
      CHECK(one.statuses[0].status == status);
      CHECK(one.statuses[0].recipient.empty());
      CHECK_FALSE(one.statuses[0].error.has_value());
    }
  }
  for (const auto* incoming : {"SmsStatus=received", "SmsStatus=receiving", "MessageStatus=", ""})
    CHECK(twilio_rows(form_webhook(std::string("MessageSid=SM9&") + incoming)).messages.size() ==
          1);
}

TEST_CASE("twilio: a GET carries its fields in the query", "[operations][twilio]") {
  Entry entry = webhook("", "");
  entry.method = "GET";
  entry.target = "/hook?" + sms;
  const auto by_get = twilio_rows(entry);
  const auto by_post = twilio_rows(form_webhook(sms));
  REQUIRE(by_get.messages.size() == 1);
  CHECK(by_get.messages[0].text_body == "Hello & welcome");
  CHECK(by_get.messages[0].raw == by_post.messages[0].raw);
  entry.target = "/hook";
  check_nothing(twilio_rows(entry));
}

TEST_CASE("twilio: JSON with the same names means the same", "[operations][twilio]") {
  const std::string body =
      R"({"MessageSid":"old","MessageSid":"SM3","From":"+14155550100","Body":"Zo\u00eb",)"
      R"("NumMedia":1,"MediaUrl0":"u","Extra":{"a":[1]},"ProfileName":null})";
  const auto rows = twilio_rows(webhook(body));
  REQUIRE(rows.messages.size() == 1);
  CHECK(rows.messages[0].message_id == "SM3");
  CHECK(rows.messages[0].text_body == "Zoë");
  CHECK(rows.messages[0].kind == "media");
  CHECK(rows.messages[0].raw == body);
  CHECK_FALSE(rows.users.at(0).display_name.has_value());
}

TEST_CASE("twilio: what is not understood is left to the inbox", "[operations][twilio]") {
  for (const auto* form : {"", "&&&", "=", "CallSid=CA1&Digits=1", "MessageSid=", "Body=x"})
    check_nothing(twilio_rows(form_webhook(form)));
  check_nothing(twilio_rows(form_webhook("MessageSid=" + std::string(513, 'x'))));
  check_nothing(
      twilio_rows(form_webhook("MessageStatus=sent&MessageSid=S&To=" + std::string(513, 'x'))));
  for (const auto* body : {"", "{", "[]", "null", R"({"MessageSid":{}})", "MessageSid=SM1"})
    check_nothing(twilio_rows(webhook(body)));
}

TEST_CASE("twilio: bytes that are no text become text", "[operations][twilio]") {
  const auto rows = twilio_rows(form_webhook("MessageSid=S%00&From=%FF&Body=a%00b&MediaUrl0=%E9"));
  REQUIRE(rows.messages.size() == 1);
  CHECK(rows.messages[0].message_id == "S\xEF\xBF\xBD");
  CHECK(rows.messages[0].user_external_id == "ÿ");
  CHECK(rows.messages[0].text_body ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(rows.messages[0].media == R"([{"content_type":null,"url":"é"}])");
  CHECK(rows.messages[0].raw.has_value());
}

TEST_CASE("twilio: random changes to a form never crash nor make a row without an id",
          "[operations][twilio]") {
  std::mt19937 random(20261124);
  for (int round = 0; round < 20'000; ++round) {
    std::string body = round % 2 == 0 ? sms : whatsapp;
    for (std::size_t changes = 1 + random() % 5; changes > 0; --changes)
      body[random() % body.size()] = static_cast<char>(random() % 256);
    CAPTURE(round);
    const auto rows = twilio_rows(form_webhook(body));
    REQUIRE(rows.messages.size() + rows.statuses.size() <= 1);
    for (const auto& message : rows.messages) REQUIRE_FALSE(message.message_id.empty());
    for (const auto& status : rows.statuses)
      REQUIRE_FALSE((status.message_id.empty() || status.status.empty()));
    for (const auto& user : rows.users) REQUIRE_FALSE(user.external_id.empty());
  }
}

}  // namespace holdfast::postgres
