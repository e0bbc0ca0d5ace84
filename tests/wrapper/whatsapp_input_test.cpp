#include <catch2/generators/catch_generators.hpp>

#include "whatsapp_support.hpp"
#include "wrapper/whatsapp_rows.hpp"

namespace holdfast {
namespace {

using namespace std::string_literals;
using wrapper::row_of;

/// What is said of a message of which one field was changed; empty if it can be stored.
template <class Change>
std::string fault_of_message(Change change) {
  auto changed = message("wamid.1");
  change(changed);
  try {
    static_cast<void>(row_of(changed));
    return {};
  } catch (const Error& error) {
    CHECK(error.failure().kind == FailureKind::invalid);
    return error.what();
  }
}
template <class Change>
std::string fault_of_user(Change change) {
  auto changed = user("16505551234", "Ann");
  change(changed);
  try {
    static_cast<void>(row_of(changed));
    return {};
  } catch (const Error& error) {
    CHECK(error.failure().kind == FailureKind::invalid);
    return error.what();
  }
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

}  // namespace

TEST_CASE("whatsapp: an id has 1 to 512 bytes of UTF-8 without NUL", "[wrapper][whatsapp]") {
  const auto field = GENERATE(values<std::string>(
      {"message_id", "user_external_id", "kind", "context_message_id", "external_id"}));
  CAPTURE(field);
  const auto fault = [&](const std::string& id) {
    if (field == "external_id") return fault_of_user([&](auto& u) { u.external_id = id; });
    return fault_of_message([&](auto& m) {
      if (field == "message_id") m.message_id = id;
      if (field == "user_external_id") m.user_external_id = id;
      if (field == "kind") m.kind = id;
      if (field == "context_message_id") m.context_message_id = id;
    });
  };
  const auto says = [&](const std::string& rest) {
    return (field == "external_id" ? "storing a WhatsApp user: " : "storing a WhatsApp message: ") +
           field + rest;
  };
  CHECK(fault("x") == "");
  CHECK(fault(std::string(512, 'x')) == "");
  CHECK(fault(std::string(513, 'x')) == says(" has 513 bytes; give 1 to 512"));
  CHECK(fault("") == says(" is empty; give 1 to 512 bytes"));
  CHECK(fault("private\0x"s) == says(" holds a NUL; leave it out"));
  CHECK(fault("private\xFF") == says(" is not UTF-8; convert it"));
}

TEST_CASE("whatsapp: a user's id with + is refused, for the relay's has none",
          "[wrapper][whatsapp]") {
  CHECK(fault_of_user([](auto& u) { u.external_id = "+16505551234"; }) ==
        "storing a WhatsApp user: external_id begins with +; give the wa_id as WhatsApp has it, "
        "which of a number is its digits alone");
  CHECK_THAT(fault_of_message([](auto& m) { m.user_external_id = "+16505551234"; }),
             ContainsSubstring("user_external_id begins with +"));
}

TEST_CASE("whatsapp: texts are UTF-8 without NUL, up to 16 MiB", "[wrapper][whatsapp]") {
  const auto text = [](const std::string& value) {
    return fault_of_message([&](auto& m) { m.text_body = value; });
  };
  const auto name = [](const std::string& value) {
    return fault_of_user([&](auto& u) { u.display_name = value; });
  };
  const std::string longest(whatsapp_text_bytes_max, 'x');
  CHECK(text(longest) == "");
  CHECK(name(longest) == "");
  CHECK(text(longest + "x") ==
        "storing a WhatsApp message: text_body has 16777217 bytes; give up to 16777216");
  CHECK(name(longest + "x") ==
        "storing a WhatsApp user: display_name has 16777217 bytes; give up to 16777216");
  CHECK(text("private\0"s) == "storing a WhatsApp message: text_body holds a NUL; leave it out");
  CHECK(name("private\xC3") == "storing a WhatsApp user: display_name is not UTF-8; convert it");
}

TEST_CASE("whatsapp: times lie in the years 2000 to 2099", "[wrapper][whatsapp]") {
  using namespace std::chrono;
  const WallTime first = sys_days(year(2000) / 1 / 1);
  const WallTime last = WallTime(sys_days(year(2100) / 1 / 1)) - 1ms;
  const auto sent = [](WallTime at) { return fault_of_message([&](auto& m) { m.sent_at = at; }); };
  const auto seen = [](WallTime at) { return fault_of_user([&](auto& u) { u.seen_at = at; }); };
  for (const auto at : {first, last}) {
    CHECK(sent(at) == "");
    CHECK(seen(at) == "");
  }
  for (const auto at : {first - 1ms, last + 1ms, WallTime{}, WallTime::min(), WallTime::max()}) {
    CHECK(sent(at) ==
          "storing a WhatsApp message: sent_at is not set, or outside of the years 2000 to 2099; "
          "give the time as WhatsApp tells it, which counts in seconds");
    CHECK_THAT(seen(at), ContainsSubstring("user: seen_at is not set"));
  }
}

TEST_CASE("whatsapp: a phone number is one of E.164", "[wrapper][whatsapp]") {
  const auto number = [](const std::string& value) {
    return fault_of_user([&](auto& u) { u.phone_number = value; });
  };
  for (const auto* good : {"+12", "+123456789012345"}) CHECK(number(good) == "");
  for (const auto* bad : {"", "+", "+1", "12", "+1234567890123456", "+012", "+1 650", "tel:+12"})
    CHECK(number(bad) ==
          "storing a WhatsApp user: phone_number is no number of E.164; give + and 2 to 15 digits, "
          "the country code first, or leave it out");
}

TEST_CASE("whatsapp: media is a JSON array and raw a JSON object that jsonb holds",
          "[wrapper][whatsapp]") {
  const auto media = [](const std::string& json) {
    return fault_of_message([&](auto& m) { m.media = json; });
  };
  const auto raw = [](const std::string& json) {
    return fault_of_message([&](auto& m) { m.raw = json; });
  };
  CHECK(media(nested(1000)) == "");
  CHECK(raw(R"({"a":)" + nested(999) + "}") == "");
  CHECK(raw(R"({"n":)" + std::string(1000, '9') + "}") == "");
  const std::string zeros = "0" + [] {
    std::string rest;
    for (int i = 0; i < 999'998; ++i) rest += ",0";
    return rest;
  }();
  CHECK(media("[" + zeros + "]") == "");

  for (const auto& unfit :
       {R"({"a":)" + nested(1000) + "}", R"({"n":)" + std::string(1001, '9') + "}",
        R"({"a":"private\u0000"})"s, R"({"private\u0000":1})"s, R"({"a":"\ud800"})"s,
        R"({"n":1e99999})"s, "{\"a\":\"private\n\"}"s, "{\"a\":\"private\xFF\"}"s})
    CHECK(
        raw(unfit) ==
        "storing a WhatsApp message: raw is JSON that jsonb cannot hold (not UTF-8, a NUL, a bare "
        "control character, half a surrogate pair, a huge number, or over 1000 levels); leave that "
        "part out");
  CHECK_THAT(media(nested(1001)), ContainsSubstring("media is JSON that jsonb cannot hold"));

  for (const auto& broken : {""s, "private"s, "{"s, "{}{}"s, "{}\0"s, "{'a':1}"s, "{\"a\":NaN}"s})
    CHECK(raw(broken) ==
          "storing a WhatsApp message: raw is no JSON, or has over a million values; give a JSON "
          "object as WhatsApp has it, or leave it out");
  CHECK_THAT(media("[" + zeros + ",0]"), ContainsSubstring("media is no JSON, or has over a mill"));

  for (const auto* other : {"[]", "1", "\"private\"", "null"})
    CHECK(
        raw(other) ==
        "storing a WhatsApp message: raw is other JSON; give a JSON object as WhatsApp has it, or "
        "leave it out");
  for (const auto* other : {"{}", "null"})
    CHECK_THAT(media(other), ContainsSubstring("media is other JSON; give a JSON array as"));

  // The longest, whatever is in it.
  const std::string fill(whatsapp_text_bytes_max - R"({"":""})"s.size(), 'x');
  CHECK(raw(R"({"":")" + fill + R"("})") == "");
  CHECK(raw(R"({"":"x)" + fill + R"("})") ==
        "storing a WhatsApp message: raw has 16777217 bytes; give up to 16777216");
}

TEST_CASE("whatsapp: what is refused was never sent, and the largest that is not is stored",
          "[wrapper][whatsapp][postgres]") {
  const WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  auto bad = message("");
  CHECK_THROWS_AS(fixture.operations.create_message(pool, bad), Error);
  CHECK_THROWS_AS(fixture.operations.upsert_user(pool, user("")), Error);
  CHECK(pool.stats().connects == 0);
  // Within a transaction it costs nothing: it can go on.
  with_db(pool, [&](pqxx::work& work) {
    CHECK_THROWS_AS(fixture.operations.create_message(work, bad), Error);
    CHECK_THROWS_AS(fixture.operations.upsert_user(work, user("")), Error);
    CHECK(fixture.operations.create_message(work, message("wamid.1")));
  });

  // Numbers grow most on their way into jsonb.
  std::string numbers = R"({"n":[1234567890123)";
  for (int i = 0; i < 990'000; ++i) numbers += ",1234567890123";
  numbers += "]}";
  REQUIRE(numbers.size() < whatsapp_text_bytes_max);
  const WhatsAppMessage largest{
      .message_id = std::string(whatsapp_id_bytes_max, 'm'),
      .user_external_id = std::string(whatsapp_id_bytes_max, 'u'),
      .kind = std::string(whatsapp_id_bytes_max, 'k'),
      .text_body = std::string(whatsapp_text_bytes_max, 't'),
      .media = "[\"" + std::string(whatsapp_text_bytes_max - 4, 'x') + "\"]",
      .context_message_id = std::string(whatsapp_id_bytes_max, 'c'),
      .sent_at = message_at,
      .raw = numbers};
  CHECK(fixture.operations.create_message(pool, largest));
  auto somebody =
      user(std::string(whatsapp_id_bytes_max, 'u'), std::string(whatsapp_text_bytes_max, 'n'));
  fixture.operations.upsert_user(pool, somebody);
  CHECK(fixture.row("SELECT length(text_body), length(media->>0),"
                    " jsonb_array_length(raw->'n'), length(display_name)"
                    " FROM messages JOIN users ON external_id = user_external_id") ==
        std::vector<std::string>{"16777216", "16777212", "990001", "16777216"});
}

}  // namespace holdfast
