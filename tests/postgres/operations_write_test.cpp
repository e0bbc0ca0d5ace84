#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <random>
#include <thread>

#include "operations_support.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/limits.hpp"
#include "postgres/migrations.hpp"
#include "postgres/operations.hpp"
#include "support/postgres_cluster.hpp"

namespace holdfast::postgres {
namespace {

using namespace std::chrono_literals;

/// A server with the tables in a schema that needs its quotes, a session and a writer.
struct WriteFixture {
  WriteFixture() {
    session = open();
    REQUIRE(ensure_schema(*session, {schema, true}, clock, deadline()).has_value());
    cluster.query("ALTER DATABASE postgres SET search_path = " + quote_identifier(schema));
  }

  [[nodiscard]] SteadyTime deadline() const { return clock.steady_now() + 30s; }
  [[nodiscard]] std::unique_ptr<Session> open() const {
    DestinationConfig config;
    config.url = Secret(cluster.url());
    auto opened = Session::open(parse_conninfo(config).value(), clock, interrupt);
    REQUIRE(opened.has_value());
    return std::make_unique<Session>(std::move(*opened));
  }

  /// In a transaction of its own; what went wrong, or nothing.
  [[nodiscard]] std::string fault_of_write(Session& on, Operations operations,
                                           const std::vector<Entry>& entries) const {
    std::vector<const Entry*> pointers;
    for (const auto& entry : entries) pointers.push_back(&entry);
    if (!on.run("BEGIN", deadline())) return "BEGIN failed";
    const auto written = writer.write(on, operations, pointers, deadline());
    if (!on.run(written ? "COMMIT" : "ROLLBACK", deadline())) return "the end failed";
    return written ? "" : written.error().sqlstate + " " + written.error().message;
  }
  void write(Operations operations, const std::vector<Entry>& entries) {
    REQUIRE(fault_of_write(*session, operations, entries) == "");
  }
  void clear() { cluster.query("TRUNCATE users, messages, message_statuses"); }

  [[nodiscard]] std::string one(const std::string& sql) const {
    const auto rows = cluster.query(sql);
    return rows.empty() ? "(no row)" : rows.at(0).at(0);
  }
  /// All three tables as text, in the order of their keys, but for the entry that came first.
  [[nodiscard]] std::vector<std::vector<std::string>> tables() const {
    std::vector<std::vector<std::string>> all;
    for (const std::string sql :
         {"SELECT to_jsonb(u)::text FROM users u ORDER BY 1",
          "SELECT (to_jsonb(m) - 'entry_id')::text FROM messages m ORDER BY 1",
          "SELECT (to_jsonb(s) - 'entry_id')::text FROM message_statuses s ORDER BY 1"})
      for (auto& row : cluster.query(sql)) all.push_back(std::move(row));
    return all;
  }

  const std::string schema = "hold \"fast";
  support::PostgresCluster cluster;
  SystemClock clock;
  Interrupt interrupt;
  std::unique_ptr<Session> session;
  OperationsWriter writer{schema};
};

Entry text_webhook(const std::string& id, const std::string& from, const std::string& name,
                   int second) {
  const auto contacts = name.empty() ? "" : contact_json(from, name);
  return webhook(
      envelope(change(std::format(R"("contacts":[{}],"messages":[{}])", contacts,
                                  message_json(id, R"("type":"text","text":{"body":"x"})", from,
                                               std::to_string(1749416000 + second))))));
}

Entry status_webhook(const std::string& id, const std::string& status, int second) {
  return webhook(envelope(change(std::format(
      R"("statuses":[{}])", status_json(id, status, std::to_string(1749416000 + second))))));
}

}  // namespace

TEST_CASE("operations: what a webhook means is in the tables", "[operations][postgres]") {
  WriteFixture fixture;
  std::string messages;
  for (const auto& [type, part] : message_types())
    messages += (messages.empty() ? "" : ",") + typed_message(type, part);
  const auto entry = messages_webhook(messages);
  const std::string errors = R"(,"errors":[{"code":131026}])";
  const auto statuses = webhook(envelope(change(std::format(
      R"("statuses":[{}])", status_json("wamid.out", "failed", "1749416400", errors)))));
  fixture.write(Operations::whatsapp, {entry, statuses});

  CHECK(fixture.one("SELECT count(*) FROM messages") == std::to_string(message_types().size()));
  const auto image = fixture.cluster.query(
      "SELECT provider, user_external_id, direction, kind, text_body, media->0->>'mime_type',"
      " context_message_id IS NULL, extract(epoch FROM sent_at)::bigint, raw->>'type', entry_id"
      " FROM messages WHERE message_id = 'wamid.image'");
  CHECK(image.at(0) == std::vector<std::string>{"whatsapp", "16505551234", "inbound", "image",
                                                "Look", "image/jpeg", "t", "1749416383", "image",
                                                entry.id.to_string()});
  CHECK(fixture.one("SELECT text_body FROM messages WHERE kind = 'reaction'") == "👍");
  CHECK(fixture.one("SELECT context_message_id FROM messages WHERE kind = 'reaction'") ==
        "wamid.first");
  const auto user = fixture.cluster.query(
      "SELECT provider, external_id, phone_number, display_name, first_seen_at = last_seen_at,"
      " extract(epoch FROM last_seen_at)::bigint FROM users");
  CHECK(user.at(0) == std::vector<std::string>{"whatsapp", "16505551234", "+16505551234",
                                               "Sheena Nelson", "t", "1749416383"});
  const auto status = fixture.cluster.query(
      "SELECT provider, message_id, recipient, status, extract(epoch FROM at)::bigint,"
      " error->0->>'code', entry_id FROM message_statuses");
  CHECK(status.at(0) == std::vector<std::string>{"whatsapp", "wamid.out", "16505551234", "failed",
                                                 "1749416400", "131026", statuses.id.to_string()});
}

TEST_CASE("operations: Twilio's forms are in the tables", "[operations][postgres]") {
  WriteFixture fixture;
  fixture.write(Operations::twilio,
                {form_webhook("MessageSid=MM1&From=whatsapp%3A%2B14155550100&Body=Hi&NumMedia=1&"
                              "ProfileName=Zo%C3%AB&MediaUrl0=u&MediaContentType0=image%2Fpng"),
                 form_webhook("MessageSid=SM1&MessageStatus=failed&To=%2B1415&ErrorCode=30008")});
  const auto row = fixture.cluster.query(
      "SELECT m.kind, m.text_body, m.media->0->>'url', m.raw->>'ProfileName', u.phone_number,"
      " u.display_name, s.recipient, s.status, s.error->>'code'"
      " FROM messages m JOIN users u ON u.provider = m.provider"
      " AND u.external_id = m.user_external_id, message_statuses s");
  CHECK(row.at(0) == std::vector<std::string>{"media", "Hi", "u", "Zoë", "+14155550100", "Zoë",
                                              "+1415", "failed", "30008"});
}

TEST_CASE("operations: nothing to write sends nothing, and else one statement a table",
          "[operations][postgres]") {
  WriteFixture fixture;
  const auto inserts = [&] {
    std::size_t count = 0;
    const auto log = fixture.cluster.log_text();
    for (auto at = log.find("INSERT INTO \"hold"); at != std::string::npos;
         at = log.find("INSERT INTO \"hold", at + 1))
      ++count;
    return count;
  };
  const auto before = inserts();
  fixture.write(Operations::whatsapp, {webhook("{}"), webhook("nonsense")});
  fixture.write(Operations::none, {text_webhook("m", "111", "Ann", 1)});
  fixture.write(Operations::twilio, {});
  CHECK(inserts() == before);
  std::vector<Entry> entries;
  for (int i = 0; i < 20; ++i) {
    entries.push_back(text_webhook(std::format("m{}", i), "111", "Ann", i));
    entries.push_back(status_webhook("o", "sent", i));
  }
  fixture.write(Operations::whatsapp, entries);
  CHECK(inserts() == before + 3);
}

TEST_CASE("operations: repeats and any order of arrival give the same tables",
          "[operations][postgres]") {
  WriteFixture fixture;
  std::vector<Entry> entries;
  for (int i = 0; i < 6; ++i) {
    // Names change over time, and two sightings fall into each second.
    entries.push_back(
        text_webhook(std::format("m{}", i), "111", std::format("Name {}", i % 5), i / 2));
    entries.push_back(text_webhook(std::format("n{}", i), "222", "Bea", 10 - i));
  }
  for (const auto* status : {"sent", "delivered", "read"})
    entries.push_back(status_webhook("o1", status, 1));
  entries.push_back(entries[0]);
  entries.push_back(entries.back());
  fixture.write(Operations::whatsapp, entries);
  const auto expected = fixture.tables();
  CHECK(expected.size() == 2 + 12 + 3);
  CHECK(fixture.one("SELECT display_name FROM users WHERE external_id = '111'") == "Name 4");

  std::mt19937 random(20261124);
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    fixture.clear();
    std::ranges::shuffle(entries, random);
    for (auto rest = std::span(entries); !rest.empty();) {
      const auto size = std::min<std::size_t>(1 + random() % 6, rest.size());
      fixture.write(Operations::whatsapp, {rest.begin(), rest.begin() + static_cast<long>(size)});
      rest = rest.subspan(size);
    }
    CHECK(fixture.tables() == expected);
  }
}

TEST_CASE("operations: a sighting without a name takes none away", "[operations][postgres]") {
  WriteFixture fixture;
  std::vector<Entry> entries{text_webhook("a", "111", "Ann", 5), text_webhook("b", "111", "", 9),
                             text_webhook("c", "111", "", 1)};
  std::ranges::sort(entries, {}, &Entry::id);
  do {
    for (const auto& entry : entries) fixture.write(Operations::whatsapp, {entry});
    const auto row = fixture.cluster.query(
        "SELECT display_name, phone_number, extract(epoch FROM first_seen_at)::bigint - 1749416000,"
        " extract(epoch FROM last_seen_at)::bigint - 1749416000 FROM users");
    CHECK(row.at(0) == std::vector<std::string>{"Ann", "+111", "1", "9"});
    fixture.clear();
  } while (std::ranges::next_permutation(entries, {}, &Entry::id).found);
}

TEST_CASE("operations: the first entry that brought a message stays its origin",
          "[operations][postgres]") {
  WriteFixture fixture;
  const auto first = text_webhook("m", "111", "Ann", 1);
  const auto second = text_webhook("m", "111", "Ann", 2);
  fixture.write(Operations::whatsapp, {first, second});
  fixture.write(Operations::whatsapp, {second});
  CHECK(fixture.one("SELECT entry_id FROM messages") == first.id.to_string());
  CHECK(fixture.one("SELECT count(*) FROM messages") == "1");
}

TEST_CASE("operations: a row that another program made is completed", "[operations][postgres]") {
  WriteFixture fixture;
  fixture.cluster.query("INSERT INTO users (provider, external_id) VALUES ('whatsapp', '111')");
  fixture.write(Operations::whatsapp, {text_webhook("m", "111", "Ann", 1)});
  CHECK(fixture.one("SELECT count(*) FROM users WHERE display_name = 'Ann' AND phone_number = "
                    "'+111' AND first_seen_at = last_seen_at") == "1");
}

TEST_CASE("operations: a thousand entries are one write", "[operations][postgres]") {
  WriteFixture fixture;
  std::vector<Entry> entries;
  for (int i = 0; i < 1000; ++i) {
    entries.push_back(
        text_webhook(std::format("m{}", i), std::format("{}", 100 + i % 50), "Ann", i));
    entries.push_back(status_webhook(std::format("o{}", i % 300), "read", i));
  }
  fixture.write(Operations::whatsapp, entries);
  CHECK(fixture.one("SELECT count(*) FROM messages") == "1000");
  CHECK(fixture.one("SELECT count(*) FROM users") == "50");
  CHECK(fixture.one("SELECT count(*) FROM message_statuses") == "300");
}

TEST_CASE("operations: a table that is gone is an error with its code, and nothing is written",
          "[operations][postgres]") {
  WriteFixture fixture;
  const auto entry = text_webhook("m", "111", "Ann", 1);
  fixture.cluster.query("ALTER TABLE messages RENAME TO messages_old");
  CHECK(fixture.fault_of_write(*fixture.session, Operations::whatsapp, {entry})
            .starts_with("42P01 "));
  CHECK(fixture.one("SELECT count(*) FROM users") == "0");
  fixture.cluster.query("ALTER TABLE messages_old RENAME TO messages");
  fixture.write(Operations::whatsapp, {entry});
  CHECK(fixture.one("SELECT count(*) FROM users, messages") == "1");
}

TEST_CASE("operations: sessions that write the same rows at once never deadlock",
          "[operations][postgres]") {
  WriteFixture fixture;
  constexpr int writers = 4;
  std::vector<std::unique_ptr<Session>> sessions;
  std::vector<std::string> faults(writers);
  for (int i = 0; i < writers; ++i) sessions.push_back(fixture.open());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < writers; ++i)
      threads.emplace_back([&, i] {
        std::mt19937 random(static_cast<unsigned>(i));
        std::vector<Entry> entries;
        for (int n = 0; n < 40; ++n) {
          entries.push_back(text_webhook(std::format("m{}", n), std::format("{}", 100 + n % 20),
                                         "Ann", static_cast<int>(i)));
          entries.push_back(status_webhook(std::format("o{}", n), "read", 1));
        }
        for (int round = 0; round < 25 && faults[i].empty(); ++round) {
          std::ranges::shuffle(entries, random);
          faults[i] = fixture.fault_of_write(*sessions[i], Operations::whatsapp, entries);
        }
      });
  }
  for (const auto& fault : faults) CHECK(fault == "");
  CHECK(fixture.one("SELECT count(*) FROM messages") == "40");
}

TEST_CASE("operations: no content of a webhook is an error to Postgres", "[operations][postgres]") {
  WriteFixture fixture;
  const auto part = [](const std::string& content) {
    return webhook(envelope(change(std::format(
        R"("contacts":[{{"wa_id":"{0}","profile":{{"name":"{0}"}}}}],"messages":[{{"id":"{0}",)"
        R"("from":"{0}","type":"{0}","{0}":{{"caption":"{0}"}},"image":{{"id":"{0}"}},)"
        R"("context":{{"id":"{0}"}}}}],"statuses":[{{"id":"{0}","status":"{0}",)"
        R"("recipient_id":"{0}","errors":[{{"title":"{0}"}}]}}])",
        content))));
  };
  const auto number = [](const std::string& text) {
    return webhook(envelope(change(std::format(
        R"("messages":[{{"id":"n{0:.20}","timestamp":{0},"image":{{"n":{0}}}}}],)"
        R"("statuses":[{{"id":"n","status":"{0:.20}","timestamp":{0},"errors":[{0}]}}])",
        text))));
  };
  std::vector<Entry> entries;
  for (const std::string& content :
       {std::string(R"(\u0000)"), std::string("a\0b", 3), std::string("\xFF\xFE"),
        std::string(R"(\ud800)"), std::string(R"(x\udfff)"), std::string("\xED\xA0\x80"),
        std::string(R"(\n\\\"'$1 %s)"), std::string("\x01"), std::string(512, 'k'),
        std::string(600, 'l'), std::string(300, '\xE9'), std::string(1'000'000, 'm'),
        std::string("{\\\"a\\\":1}"), std::string("😀")})
    entries.push_back(part(content));
  for (const std::string& text :
       {std::string("1e400"), std::string("1e-400"), std::string("1e131071"),
        std::string("1e131073"), std::string("1e-16384"), std::string("-1e1000000000000"),
        std::string("9") + std::string(200'000, '9'), "0." + std::string(200'000, '1'),
        std::string(2'000, '[') + std::string(2'000, ']'), std::string("9223372036854775807"),
        std::string("-9223372036854775808"), std::string("253402300800")})
    entries.push_back(number(text));
  for (const auto& entry : entries) fixture.write(Operations::whatsapp, {entry});
  fixture.clear();
  fixture.write(Operations::whatsapp, entries);
  CHECK(fixture.one("SELECT count(*) > 10 FROM messages") == "t");

  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += std::format("%{:02X}", i);
  std::vector<Entry> forms;
  for (const std::string& content : {bytes, std::string("%00"), std::string("%ED%A0%80"),
                                     std::string(600, 'x'), std::string(1'000'000, 'y')})
    for (const auto* status : {"received", "sent", "%00%FF"})
      forms.push_back(form_webhook(std::format(
          "MessageSid=S{0:.300}&SmsStatus={1}&From={0}&To={0:.300}&Body={0}&ProfileName={0}&"
          "MediaUrl0={0}&MediaContentType0={0}&MessageType={0}&ErrorCode={0}&{0}={0}",
          content, status)));
  for (const auto& entry : forms) fixture.write(Operations::twilio, {entry});
  fixture.write(Operations::twilio, forms);
  CHECK(fixture.one("SELECT count(*) > 0 FROM messages WHERE provider = 'twilio'") == "t");
}

TEST_CASE("operations: keys of the greatest length fit, even if nothing compresses them",
          "[operations][postgres]") {
  WriteFixture fixture;
  std::mt19937 random(7);
  const auto noise = [&] {
    std::string text;
    while (text.size() < operation_key_bytes_max) text += static_cast<char>('!' + random() % 90);
    std::ranges::replace(text, '"', 'q');
    std::ranges::replace(text, '\\', 's');
    return text;
  };
  fixture.write(Operations::whatsapp,
                {webhook(envelope(change(
                    std::format(R"("messages":[{{"id":"{}","from":"{}"}}],"statuses":[{{"id":"{}",)"
                                R"("status":"{}","recipient_id":"{}"}}])",
                                noise(), noise(), noise(), noise(), noise()))))});
  CHECK(fixture.one("SELECT count(*) FROM message_statuses") == "1");
  CHECK(fixture.one("SELECT count(*) FROM messages, users") == "1");
}

}  // namespace holdfast::postgres
