#include "postgres/operations_whatsapp.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "operations_support.hpp"

namespace holdfast::postgres {
namespace {

using std::chrono::seconds;

WallTime unix_time(std::int64_t at) {
  return WallTime(seconds(at));
}

MessageRow one_message(const Entry& entry) {
  const auto rows = whatsapp_rows(entry);
  REQUIRE(rows.messages.size() == 1);
  return rows.messages[0];
}

MessageRow typed(const std::string& type) {
  const auto found =
      std::ranges::find(message_types(), type, &std::pair<std::string, std::string>::first);
  REQUIRE(found != message_types().end());
  return one_message(messages_webhook(typed_message(found->first, found->second)));
}

}  // namespace

TEST_CASE("whatsapp: every type of message becomes a row with its kind and source",
          "[operations][whatsapp]") {
  for (const auto& [type, part] : message_types()) {
    CAPTURE(type);
    const auto json = typed_message(type, part);
    const auto entry = messages_webhook(json);
    const auto row = one_message(entry);
    CHECK(row.provider == "whatsapp");
    CHECK(row.message_id == "wamid." + type);
    CHECK(row.user_external_id == "16505551234");
    CHECK(row.direction == "inbound");
    CHECK(row.kind == type);
    CHECK(row.raw == json);
    CHECK(row.sent_at == unix_time(1749416383));
    CHECK(row.entry_id == entry.id);
    const auto users = whatsapp_rows(entry).users;
    REQUIRE(users.size() == 1);
    CHECK(users[0].external_id == "16505551234");
    CHECK(users[0].phone_number == "+16505551234");
    CHECK(users[0].display_name == "Sheena Nelson");
    CHECK(users[0].first_seen_at == unix_time(1749416383));
    CHECK(users[0].last_seen_at == unix_time(1749416383));
  }
}

TEST_CASE("whatsapp: the text of a message is what a person reads", "[operations][whatsapp]") {
  CHECK(typed("text").text_body == "Does it come in another color? 😀");
  CHECK(typed("image").text_body == "Look");
  CHECK(typed("video").text_body == "Watch");
  CHECK_FALSE(typed("audio").text_body.has_value());
  CHECK(typed("document").text_body == "Read");
  CHECK_FALSE(typed("sticker").text_body.has_value());
  CHECK(typed("location").text_body == "Philz Coffee, 101 Forest Ave");
  CHECK_FALSE(typed("contacts").text_body.has_value());
  CHECK(typed("reaction").text_body == "👍");
  CHECK(typed("button").text_body == "No thanks");
  CHECK(typed("interactive").text_body == "Priority Mail");
  CHECK(typed("order").text_body == "Love these!");
  CHECK(typed("system").text_body == "Sheena changed from 1 to 2");
  CHECK_FALSE(typed("unsupported").text_body.has_value());
  const auto text = [](const std::string& rest) {
    return one_message(messages_webhook(message_json("wamid.1", rest))).text_body;
  };
  CHECK(text(R"("type":"interactive","interactive":{"type":"button_reply","button_reply":)"
             R"({"id":"b","title":"Yes"}})") == "Yes");
  CHECK(text(R"("type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":)"
             R"({"response_json":"{}","body":"Sent","name":"flow"}})") == "Sent");
  CHECK(text(R"("type":"location","location":{"latitude":1,"longitude":2,"address":"Here"})") ==
        "Here");
  CHECK_FALSE(text(R"("type":"location","location":{"latitude":1,"longitude":2})").has_value());
  CHECK_FALSE(text(R"("type":"reaction","reaction":{"message_id":"m","emoji":""})").has_value());
  CHECK_FALSE(text(R"("type":"reaction","reaction":{"message_id":"m"})").has_value());
}

TEST_CASE("whatsapp: media are the objects of files, as they were sent", "[operations][whatsapp]") {
  CHECK(typed("image").media ==
        R"([{"id":"1","mime_type":"image/jpeg","sha256":"a\/b=","caption":"Look"}])");
  for (const auto* type : {"video", "audio", "document", "sticker"})
    CHECK(typed(type).media.has_value());
  for (const auto* type : {"text", "contacts", "location", "reaction", "order", "hologram"})
    CHECK_FALSE(typed(type).media.has_value());
}

TEST_CASE("whatsapp: an answer names the message that it answers", "[operations][whatsapp]") {
  CHECK(typed("button").context_message_id == "wamid.template");
  CHECK(typed("interactive").context_message_id == "wamid.menu");
  CHECK(typed("reaction").context_message_id == "wamid.first");
  CHECK_FALSE(typed("text").context_message_id.has_value());
}

TEST_CASE("whatsapp: one POST may hold several accounts, changes, messages and statuses",
          "[operations][whatsapp]") {
  const auto text = [](const std::string& id, const std::string& from) {
    return message_json(id, R"("type":"text","text":{"body":"x"})", from);
  };
  const auto first =
      change(std::format(R"("contacts":[{},{}],"messages":[{},{}])", contact_json("222", "Bea"),
                         contact_json("111", "Ann"), text("m1", "111"), text("m2", "222")));
  const auto second = change(std::format(R"("statuses":[{},{}])", status_json("o1", "read"),
                                         status_json("o1", "delivered")));
  const auto third = change(std::format(R"("messages":[{}],"statuses":[{}])", text("m3", "333"),
                                        status_json("o2", "sent")));
  const auto entry = webhook(std::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{},{}]}},)"
      R"({{"id":"2","changes":[{}]}}]}})",
      first, second, third));
  const auto rows = whatsapp_rows(entry);
  REQUIRE(rows.messages.size() == 3);
  CHECK(rows.messages[2].message_id == "m3");
  REQUIRE(rows.users.size() == 3);
  // The contacts come in the other order: they are found by number.
  CHECK(rows.users[0].external_id == "111");
  CHECK(rows.users[0].display_name == "Ann");
  CHECK(rows.users[1].display_name == "Bea");
  CHECK(rows.users[2].external_id == "333");
  CHECK_FALSE(rows.users[2].display_name.has_value());
  REQUIRE(rows.statuses.size() == 3);
  CHECK(rows.statuses[0].status == "read");
  CHECK(rows.statuses[1].status == "delivered");
  CHECK(rows.statuses[1].recipient == "16505551234");
  CHECK(rows.statuses[1].at == unix_time(1749416400));
  CHECK(rows.statuses[2].message_id == "o2");
}

TEST_CASE("whatsapp: a failed status keeps its errors", "[operations][whatsapp]") {
  const std::string errors = R"([{"code":131026,"title":"Message undeliverable"}])";
  const auto rows = whatsapp_rows(webhook(envelope(change(std::format(
      R"("statuses":[{},{},{}])",
      status_json("o1", "failed", "1749416400", ",\"errors\":" + errors),
      status_json("o2", "sent", "1749416400",
                  R"(,"errors":[],"conversation":{"id":"c"},"pricing":{"billable":true})"),
      R"({"id":"o3","status":"played"})")))));
  REQUIRE(rows.statuses.size() == 3);
  CHECK(rows.statuses[0].error == errors);
  CHECK_FALSE(rows.statuses[1].error.has_value());
  CHECK(rows.statuses[2].recipient.empty());
  CHECK(rows.statuses[2].at == operations_received_at);
  CHECK(rows.users.empty());
}

TEST_CASE("whatsapp: contacts, senders and names may be missing", "[operations][whatsapp]") {
  const std::string text = R"("type":"text","text":{"body":"x"})";
  const auto rows_of = [&](const std::string& contacts, const std::string& sender) {
    return whatsapp_rows(webhook(envelope(change(
        std::format(R"("contacts":[{}],"messages":[{{{}"id":"m","timestamp":"1749416383",{}}}])",
                    contacts, sender, text)))));
  };
  const auto nobody = rows_of("", "");
  CHECK(nobody.users.empty());
  REQUIRE(nobody.messages.size() == 1);
  CHECK_FALSE(nobody.messages[0].user_external_id.has_value());

  const auto nameless = rows_of(R"({"wa_id":"111"})", R"("from":"111",)");
  REQUIRE(nameless.users.size() == 1);
  CHECK_FALSE(nameless.users[0].display_name.has_value());

  // A contact that has sent nothing here was seen when the webhook came.
  const auto bystander = rows_of(contact_json("222", "Bea"), R"("from":"111",)");
  REQUIRE(bystander.users.size() == 2);
  CHECK(bystander.users[1].external_id == "222");
  CHECK(bystander.users[1].last_seen_at == operations_received_at);
}

TEST_CASE("whatsapp: a user may be named by an id in place of a number", "[operations][whatsapp]") {
  const auto rows_of = [&](const std::string& contact, const std::string& sender) {
    return whatsapp_rows(webhook(envelope(change(std::format(
        R"("contacts":[{}],"messages":[{{{}"id":"m","type":"text"}}])", contact, sender)))));
  };
  for (const auto* name : {"user_id", "from_user_id"}) {
    const auto alone = rows_of("", std::format(R"("{}":"US.1349",)", name));
    REQUIRE(alone.users.size() == 1);
    CHECK(alone.users[0].external_id == "US.1349");
    CHECK_FALSE(alone.users[0].phone_number.has_value());
    CHECK(alone.messages[0].user_external_id == "US.1349");
  }
  const auto named =
      rows_of(R"({"user_id":"US.1349","profile":{"name":"Ann"}})", R"("from_user_id":"US.1349",)");
  REQUIRE(named.users.size() == 1);
  CHECK(named.users[0].display_name == "Ann");
  // Where a contact knows the number as well, both ways of naming the user lead to one row.
  const auto tied = rows_of(R"({"wa_id":"111","user_id":"US.1349","profile":{"name":"Ann"}})",
                            R"("from_user_id":"US.1349",)");
  REQUIRE(tied.users.size() == 1);
  CHECK(tied.users[0].external_id == "111");
  CHECK(tied.messages[0].user_external_id == "111");
}

TEST_CASE("whatsapp: a phone number is one of E.164 or none", "[operations][whatsapp]") {
  for (const auto* digits : {"16505551234", "491", "123456789012345"})
    CHECK(e164(digits) == "+" + std::string(digits));
  for (const auto* other : {"", "1", "1234567890123456", "0165", "+165", "16 5", "US.13", "16x"})
    CHECK_FALSE(e164(other).has_value());
}

TEST_CASE("whatsapp: a timestamp that makes no sense is the time of receipt",
          "[operations][whatsapp]") {
  const auto sent_at = [](const std::string& timestamp) {
    return one_message(webhook(envelope(change(
                           std::format(R"("messages":[{{"id":"m","timestamp":{}}}])", timestamp)))))
        .sent_at;
  };
  CHECK(sent_at("\"1749416383\"") == unix_time(1749416383));
  CHECK(sent_at("1749416383") == unix_time(1749416383));
  for (const auto* absurd :
       {"\"\"", "0", "-1", "\"1749416383000\"", "99999999999999999999999", "1749416383.5", "1e9",
        "null", "true", "[]", "{}", "\"2025-06-08\"", "\" 1749416383\"", "\"17494163830x\""})
    CHECK(sent_at(absurd) == operations_received_at);
}

TEST_CASE("whatsapp: an unknown type, field or shape is kept or left alone, never refused",
          "[operations][whatsapp]") {
  const auto future = typed("hologram");
  CHECK(future.text_body == "From the future");
  CHECK(one_message(webhook(envelope(change(R"("messages":[{"id":"m"}])")))).kind == "unknown");
  CHECK(one_message(webhook(envelope(change(R"("messages":[{"id":"m","type":7}])")))).kind ==
        "unknown");
  // A field of a name that is not known may carry messages, too.
  CHECK(one_message(webhook(envelope(change(R"("messages":[{"id":"m"}])", "news")))).message_id ==
        "m");
  for (const auto* body :
       {"", "{", "[]", "null", "7", "\"x\"", "{}", R"({"entry":{}})", R"({"entry":[1,null,[]]})",
        R"({"entry":[{"changes":{}}]})", R"({"entry":[{"changes":[1,{"value":[]},{}]}]})",
        R"({"entry":[{"changes":[{"value":{"messages":{},"statuses":1,"contacts":""}}]}]})",
        R"({"entry":[{"changes":[{"value":{"messages":[1,null,"x",[]],"statuses":[{}]}}]}]})"}) {
    CAPTURE(body);
    const auto rows = whatsapp_rows(webhook(body));
    CHECK(rows.users.empty());
    CHECK(rows.messages.empty());
    CHECK(rows.statuses.empty());
  }
}

TEST_CASE("whatsapp: what has no id, or one that no index can hold, is left to the inbox",
          "[operations][whatsapp]") {
  const std::string fits(operation_key_bytes_max, 'x');
  const auto rows = whatsapp_rows(webhook(envelope(change(std::format(
      R"("messages":[{{"id":""}},{{"id":1}},{{"id":"{0}"}},{{"id":"{0}x","from":"111"}}],)"
      R"("statuses":[{{"id":"o"}},{{"status":"read"}},{{"id":"{0}x","status":"read"}},)"
      R"({{"id":"o","status":"{0}x"}},{{"id":"o","status":"read","recipient_id":"{0}x"}},)"
      R"({{"id":"{0}","status":"{0}","recipient_id":"{0}"}}])",
      fits)))));
  REQUIRE(rows.messages.size() == 1);
  CHECK(rows.messages[0].message_id == fits);
  REQUIRE(rows.statuses.size() == 1);
  CHECK(rows.statuses[0].status == fits);
  // Its sender was seen all the same.
  REQUIRE(rows.users.size() == 1);
  CHECK(rows.users[0].external_id == "111");
}

TEST_CASE("whatsapp: half a surrogate pair in one message costs no other message",
          "[operations][whatsapp]") {
  const auto rows = whatsapp_rows(messages_webhook(
      message_json("m1", R"("type":"text","text":{"body":"cut \ud83d"})") + "," +
      message_json("m2", R"("type":"text","text":{"body":"whole"})") + "," +
      message_json("m3", R"("type":"text","text":{"body":"n\u0000l"},"n":1e400)")));
  REQUIRE(rows.messages.size() == 3);
  CHECK(rows.messages[0].text_body == "cut \xEF\xBF\xBD");
  CHECK_FALSE(rows.messages[0].raw.has_value());
  CHECK(rows.messages[1].raw.has_value());
  CHECK(rows.messages[2].text_body ==
        "n\xEF\xBF\xBD"
        "l");
  CHECK_FALSE(rows.messages[2].raw.has_value());
}

TEST_CASE("whatsapp: a webhook of ten thousand messages is mapped in one pass",
          "[operations][whatsapp]") {
  std::string messages;
  for (int i = 0; i < 10'000; ++i)
    messages += (i == 0 ? "" : ",") +
                message_json("m" + std::to_string(i), R"("type":"text","text":{"body":"x"})");
  CHECK(whatsapp_rows(messages_webhook(messages)).messages.size() == 10'000);
}

TEST_CASE("whatsapp: random changes to a webhook never crash nor make a row without an id",
          "[operations][whatsapp]") {
  std::string all;
  for (const auto& [type, part] : message_types())
    all += (all.empty() ? "" : ",") + typed_message(type, part);
  const auto seed = messages_webhook(all).body;
  // Whole values are exchanged, so that most results are JSON of a shape that nobody expects.
  const std::vector<std::string> values{
      "null", "true",  "-1e400", "\"\"",          "[]",          "{}",
      "[[]]", "\"x\"", "0",      "{\"id\":\"\"}", "\"\\ud800\"", "[{\"id\":{}}]"};
  std::mt19937 random(20261124);
  std::size_t rows_seen = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string body = seed;
    for (std::size_t changes = 1 + random() % 4; changes > 0; --changes) {
      const auto begin = body.find_first_of(":[,", random() % body.size());
      if (begin == std::string::npos) continue;
      const auto end = std::min(body.find_first_of(",]}", begin + 1), body.size());
      body.replace(begin + 1, end - begin - 1, values[random() % values.size()]);
    }
    CAPTURE(round, body);
    const auto rows = merged(whatsapp_rows(webhook(body)));
    rows_seen += rows.messages.size();
    const auto empty_user = [](const UserRow& row) { return row.external_id.empty(); };
    const auto empty_message = [](const MessageRow& row) {
      return row.message_id.empty() || row.kind.empty();
    };
    REQUIRE(std::ranges::none_of(rows.users, empty_user));
    REQUIRE(std::ranges::none_of(rows.messages, empty_message));
  }
  CHECK(rows_seen > 10'000);
}

}  // namespace holdfast::postgres
