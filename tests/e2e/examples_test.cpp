#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <format>
#include <memory>

#include "fixture.hpp"
#include "holdfast/clock.hpp"
#include "support/delivery.hpp"
#include "support/sign.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

const std::string examples = HOLDFAST_SOURCE_DIR "/examples/";

/// A daemon that runs an example as it stands, in front of a server with the example's tables.
struct Example {
  Example(const std::string& name, std::vector<std::string> environment) {
    (void)cluster.query(read_file(examples + name + ".sql"));
    DaemonConfig config = e2e::config_for("");
    config.file = examples + name + ".toml";
    config.environment = std::move(environment);
    config.environment.push_back("DATABASE_URL=" + cluster.url());
    daemon = std::make_unique<Daemon>(config);
    const auto validated = daemon->run({"validate", "--database"});
    INFO(validated.out << validated.err);
    REQUIRE(validated.exit_code == 0);
    daemon->start();
  }
  [[nodiscard]] HttpResponse send(const std::string& path, const HttpHeaders& headers,
                                  const std::string& body) const {
    return post(daemon->port(), path, headers, body);
  }
  [[nodiscard]] std::vector<std::vector<std::string>> rows(const std::string& sql) const {
    return cluster.query(sql);
  }

  PostgresCluster cluster;
  std::unique_ptr<Daemon> daemon;
};

using Rows = std::vector<std::vector<std::string>>;
const std::string json_type = "application/json";

}  // namespace

TEST_CASE("e2e: the example in front of Neon does what it says", "[e2e][examples]") {
  const Example example("neon", {"WHATSAPP_APP_SECRET=meta", "WHATSAPP_VERIFY_TOKEN=verify",
                                 "TWILIO_AUTH_TOKEN=12345", "ACTIVITIES_TOKEN=token",
                                 "PUBLIC_URL=https://example.com"});
  CHECK(get(example.daemon->port(),
            "/api/whatsapp/webhook?hub.mode=subscribe&hub.verify_token=verify&hub.challenge=42")
            .body == "42");
  const std::string message =
      R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages",)"
      R"("value":{"contacts":[{"profile":{"name":"Zo\u00eb"},"wa_id":"16505551234"}],"messages":)"
      R"([{"from":"16505551234","id":"wamid.1","timestamp":"1739321024","type":"text","text":)"
      R"({"body":"Hello \ud83d\ude00"}}]}}]}]})";
  CHECK(example
            .send("/api/whatsapp/webhook",
                  {{"Content-Type", json_type},
                   {"X-Hub-Signature-256", sign_whatsapp("meta", message)}},
                  message)
            .status == 200);
  const std::vector<std::pair<std::string, std::string>> fields{
      {"MessageSid", "SM1"},
      {"From", "whatsapp:+14155550100"},
      {"To", "whatsapp:+14155238886"},
      {"Body", "Hi"},
      {"NumMedia", "1"},
      {"MediaUrl0", "https://api.twilio.com/m"},
      {"MediaContentType0", "image/jpeg"},
      {"ProfileName", "Ann"}};
  const auto signature = sign_twilio("12345", "https://example.com/api/twilio/webhook", fields);
  const auto reply = example.send(
      "/api/twilio/webhook",
      {{"Content-Type", "application/x-www-form-urlencoded"}, {"X-Twilio-Signature", signature}},
      form_body(fields));
  CHECK(reply.status == 200);
  CHECK(reply.body == "<Response></Response>");
  for (const std::string id : {"a1", "a2", "a1"})
    CHECK(example
              .send("/api/activities",
                    {{"Content-Type", json_type}, {"Authorization", "Bearer token"}},
                    std::format(R"({{"id":"{}","userId":"u1","type":"login"}})", id))
              .status == 202);
  REQUIRE(example.daemon->drains(30s));
  CHECK(example.daemon->health().at("outbox").at("dead") == 0);

  CHECK(example.rows("SELECT provider, message_id, user_external_id, direction, kind, text_body "
                     "FROM holdfast.messages ORDER BY provider") ==
        Rows{{"twilio", "SM1", "whatsapp:+14155550100", "inbound", "media", "Hi"},
             {"whatsapp", "wamid.1", "16505551234", "inbound", "text", "Hello 😀"}});
  CHECK(example.rows("SELECT provider, phone_number, display_name FROM holdfast.users "
                     "ORDER BY provider") ==
        Rows{{"twilio", "+14155550100", "Ann"}, {"whatsapp", "+16505551234", "Zoë"}});
  CHECK(example.rows("SELECT id, user_id, kind, data->>'type' FROM activities ORDER BY id") ==
        Rows{{"a1", "u1", "login", "login"}, {"a2", "u1", "login", "login"}});
}

TEST_CASE("e2e: the example of Stripe does what it says", "[e2e][examples]") {
  const Example example("stripe", {"STRIPE_WEBHOOK_SECRET=whsec_test"});
  const auto now =
      std::chrono::floor<std::chrono::seconds>(SystemClock().wall_now()).time_since_epoch().count();
  int events = 0;
  const auto send = [&](const std::string& type, int created, const std::string& object) {
    const auto body = std::format(
        R"({{"id":"evt_{}","object":"event","type":"{}","created":{},"data":{{"object":{}}},)"
        R"("pending_webhooks":1}})",
        ++events, type, 1'700'000'000 + created, object);
    for (int attempt = 0; attempt < 2; ++attempt)
      CHECK(example
                .send("/api/stripe/webhook",
                      {{"Content-Type", json_type},
                       {"Stripe-Signature", sign_stripe("whsec_test", now, body)}},
                      body)
                .status == 202);
  };
  send("customer.updated", 20, R"({"id":"cus_1","email":"new@example.com","name":"New"})");
  send("customer.created", 10, R"({"id":"cus_1","email":"old@example.com","name":null})");
  send("charge.refunded", 40,
       R"({"id":"ch_1","payment_intent":"pi_1","customer":"cus_1","amount_refunded":300,)"
       R"("currency":"eur"})");
  for (const int number : {1, 2, 3})
    send("payment_intent.succeeded", 30 + number,
         std::format(R"({{"id":"pi_{}","customer":"cus_1","amount_received":1000,)"
                     R"("currency":"eur"}})",
                     number));
  send("something.new", 50, "{}");
  REQUIRE(example.daemon->drains(30s));
  CHECK(example.daemon->health().at("outbox").at("dead") == 0);

  CHECK(example.rows("SELECT type, events FROM event_counts ORDER BY type") ==
        Rows{{"charge.refunded", "1"},
             {"customer.created", "1"},
             {"customer.updated", "1"},
             {"payment_intent.succeeded", "3"},
             {"something.new", "1"}});
  CHECK(example.rows("SELECT id, email, name FROM customers") ==
        Rows{{"cus_1", "new@example.com", "New"}});
  CHECK(example.rows("SELECT id, amount, refunded FROM payments ORDER BY id") ==
        Rows{{"pi_1", "1000", "300"}, {"pi_2", "1000", "0"}, {"pi_3", "1000", "0"}});
  CHECK(example.rows("SELECT payments, amount FROM revenue") == Rows{{"3", "3000"}});
}
