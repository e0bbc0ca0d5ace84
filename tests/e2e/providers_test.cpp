#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/sign.hpp"
#include "support/vectors.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const std::string three_sources = R"(
[[source]]
name = "whatsapp"
provider = "whatsapp"
path = "/api/whatsapp/webhook"
secrets = ["meta_app_secret"]
verify_token = "let me in"

[[source]]
name = "twilio"
provider = "twilio"
path = "/api/twilio/webhook"
secrets = ["12345"]

[[source]]
name = "activities"
provider = "bearer"
path = "/api/activities"
secrets = ["activities-token-1"]
dedupe = "/id"
)";

/// The vector with the escapes that Meta sends.
const Vector& whatsapp_vector() {
  return *std::ranges::find(public_vectors(), Provider::whatsapp, &Vector::provider);
}

const std::vector<std::pair<std::string, std::string>> twilio_fields{
    {"SmsMessageSid", "SM00000000000000000000000000000001"},
    {"NumMedia", "0"},
    {"ProfileName", "Zoë 😀"},
    {"MessageType", "text"},
    {"SmsSid", "SM00000000000000000000000000000001"},
    {"WaId", "14155550100"},
    {"SmsStatus", "received"},
    {"Body", "Hello & welcome + 1=2\n"},
    {"To", "whatsapp:+14155238886"},
    {"NumSegments", "1"},
    {"ReferralNumMedia", "0"},
    {"MessageSid", "SM00000000000000000000000000000001"},
    {"AccountSid", "AC00000000000000000000000000000001"},
    {"From", "whatsapp:+14155550100"},
    {"ApiVersion", "2010-04-01"},
    {"FromCity", ""}};

DaemonConfig config_with_three_sources(const std::string& url) {
  DaemonConfig config = e2e::config_for(url);
  config.ingress = "public_url = \"https://example.com\"\n";
  config.sources = three_sources;
  return config;
}

/// The columns of one inbox row by name.
std::map<std::string, std::string> inbox_row(const PostgresCluster& cluster,
                                             const std::string& id) {
  const auto rows = cluster.query(
      "SELECT row_to_json(found) FROM (SELECT id, source, dedupe_key, node, seq, received_at, "
      "stored_at, method, target, remote_address, content_type, headers::text, "
      "encode(body, 'hex') AS body, payload::text, flags::text "
      "FROM holdfast.inbox WHERE id = '" +
      id + "') AS found");
  REQUIRE(rows.size() == 1);
  std::map<std::string, std::string> row;
  const json found = json::parse(rows[0][0]);
  for (const auto& [name, value] : found.items())
    row[name] = value.is_string() ? value.get<std::string>() : value.dump();
  row["body"] = base::from_hex(row["body"]).value();
  return row;
}

/// What every row must hold, whatever the provider.
void check_common(const std::map<std::string, std::string>& row, const Daemon& daemon,
                  const HttpRequest& request) {
  CHECK(row.at("method") == request.method);
  CHECK(row.at("target") == request.target);
  CHECK(row.at("body") == request.body);
  CHECK(row.at("node") == daemon.health().at("node").get<std::string>());
  CHECK(row.at("remote_address") == "127.0.0.1");
  CHECK(row.at("flags") == "{}");
  CHECK(row.at("received_at") <= row.at("stored_at"));
}

/// The stored headers that the request itself named, in the order stored.
json headers_of(const std::map<std::string, std::string>& row, const HttpRequest& request) {
  json found = json::array();
  for (const json& header : json::parse(row.at("headers")))
    for (const auto& [name, value] : request.headers)
      if (header.at(0) == name) found.push_back(header);
  return found;
}

}  // namespace

TEST_CASE("support: the test's own signers agree with the providers' vectors", "[e2e][support]") {
  const auto& whatsapp = whatsapp_vector();
  CHECK(sign_whatsapp(whatsapp.secret, whatsapp.body) == whatsapp.headers.front().value);
  CHECK(sign_whatsapp("It's a Secret to Everybody", "Hello, World!") ==
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  CHECK(sign_twilio("12345", "https://mycompany.com/myapp.php?foo=1&bar=2",
                    {{"CallSid", "CA1234567890ABCDE"},
                     {"Digits", "1234"},
                     {"From", "+14158675309"},
                     {"To", "+18005551212"},
                     {"Caller", "+14158675309"}}) == "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
  CHECK(sign_twilio("12345", "https://example.com/webhooks/twilio", twilio_fields) ==
        "+GtgM8XU5uCeFaJZQJj1ouuDdnM=");
}

TEST_CASE("e2e: a signed WhatsApp request ends as an inbox row, byte for byte",
          "[e2e][providers]") {
  PostgresCluster cluster;
  Daemon daemon(config_with_three_sources(cluster.url()));
  daemon.start();
  const HttpRequest request{
      .target = "/api/whatsapp/webhook",
      .headers = {{"X-Hub-Signature-256", whatsapp_vector().headers.front().value},
                  {"Content-Type", "application/json"},
                  {"Cookie", "session=secret"},
                  {"X-Zulu", "1"},
                  {"X-Alpha", "2"}},
      .body = whatsapp_vector().body};
  const HttpResponse response = fetch(daemon.port(), request);
  CHECK(response.status == 200);
  CHECK(response.body.empty());
  REQUIRE(daemon.drains(20s));

  const auto row = inbox_row(cluster, response.header("Holdfast-Id"));
  check_common(row, daemon, request);
  CHECK(row.at("source") == "whatsapp");
  CHECK(row.at("dedupe_key").contains(base::sha256_hex(whatsapp_vector().body)));
  CHECK(row.at("seq") == "1");
  CHECK(row.at("content_type") == "application/json");
  CHECK(json::parse(row.at("payload")) == json::parse(whatsapp_vector().body));
  CHECK(headers_of(row, request) ==
        json::array({{"X-Hub-Signature-256", whatsapp_vector().headers.front().value},
                     {"Content-Type", "application/json"},
                     {"Cookie", "***"},
                     {"X-Zulu", "1"},
                     {"X-Alpha", "2"}}));
}

TEST_CASE("e2e: the WhatsApp challenge is answered for the right token only", "[e2e][providers]") {
  Daemon daemon(config_with_three_sources(""));
  daemon.start();
  const std::string base = "/api/whatsapp/webhook?hub.mode=subscribe&hub.challenge=11%2F58&";
  const HttpResponse right = get(daemon.port(), base + "hub.verify_token=let%20me%20in");
  CHECK(right.status == 200);
  CHECK(right.body == "11/58");
  CHECK(right.header("Content-Type").starts_with("text/plain"));
  const HttpResponse wrong = get(daemon.port(), base + "hub.verify_token=let+me+out");
  CHECK(wrong.status == 403);
  CHECK_FALSE(wrong.body.contains("11/58"));
  CHECK(daemon.pending() == 0);
}

TEST_CASE("e2e: a signed Twilio form ends as an inbox row, byte for byte", "[e2e][providers]") {
  PostgresCluster cluster;
  Daemon daemon(config_with_three_sources(cluster.url()));
  daemon.start();
  const std::string target = "/api/twilio/webhook?tenant=a%2Fb";
  const HttpRequest request{
      .target = target,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                  {"X-Twilio-Signature",
                   sign_twilio("12345", "https://example.com" + target, twilio_fields)},
                  {"I-Twilio-Idempotency-Token", "b0a1ad53-2d42-4f43-98dc-8b1d9f2b0f4f"}},
      .body = form_body(twilio_fields)};
  const HttpResponse response = fetch(daemon.port(), request);
  CHECK(response.status == 200);
  CHECK(response.header("Content-Type").starts_with("text/xml"));
  CHECK(response.body.contains("<Response></Response>"));
  REQUIRE(daemon.drains(20s));

  const auto row = inbox_row(cluster, response.header("Holdfast-Id"));
  check_common(row, daemon, request);
  CHECK(row.at("source") == "twilio");
  CHECK(row.at("dedupe_key") == "b0a1ad53-2d42-4f43-98dc-8b1d9f2b0f4f");
  CHECK(row.at("content_type") == "application/x-www-form-urlencoded");
  json fields = json::object();
  for (const auto& [name, value] : twilio_fields) fields[name] = value;
  CHECK(json::parse(row.at("payload")) == fields);
}

TEST_CASE("e2e: a large Twilio form comes through whole", "[e2e][providers]") {
  PostgresCluster cluster;
  Daemon daemon(config_with_three_sources(cluster.url()));
  daemon.start();
  for (const std::size_t size : {std::size_t{9} * 1024, std::size_t{1024} * 1024}) {
    auto fields = twilio_fields;
    fields.emplace_back("Large", std::string(size, 'l'));
    fields[11].second = "SM" + std::to_string(size);
    const HttpRequest request{
        .target = "/api/twilio/webhook",
        .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                    {"X-Twilio-Signature",
                     sign_twilio("12345", "https://example.com/api/twilio/webhook", fields)}},
        .body = form_body(fields)};
    const HttpResponse response = fetch(daemon.port(), request);
    REQUIRE(response.status == 200);
    REQUIRE(daemon.drains(20s));
    const auto row = inbox_row(cluster, response.header("Holdfast-Id"));
    CHECK((row.at("body") == request.body));
    CHECK(row.at("dedupe_key") == "SM" + std::to_string(size));
  }
}

TEST_CASE("e2e: an activity with its token ends as an inbox row, the token masked",
          "[e2e][providers]") {
  PostgresCluster cluster;
  Daemon daemon(config_with_three_sources(cluster.url()));
  daemon.start();
  const HttpRequest request{
      .target = "/api/activities",
      .headers = {{"Authorization", "Bearer activities-token-1"},
                  {"content-type", "application/json; charset=utf-8"},
                  {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}},
      .body = "{ \"id\": \"act-1\",\n\t\"userId\": 7, \"type\": \"run\", \"km\": 4.20 }\n"};
  const HttpResponse response = fetch(daemon.port(), request);
  CHECK(response.status == 202);
  const json answer = json::parse(response.body);
  CHECK(answer.at("id") == response.header("Holdfast-Id"));
  CHECK(answer.at("duplicate") == false);
  REQUIRE(daemon.drains(20s));

  const auto row = inbox_row(cluster, response.header("Holdfast-Id"));
  check_common(row, daemon, request);
  CHECK(row.at("source") == "activities");
  CHECK(row.at("dedupe_key") == "act-1");
  CHECK(json::parse(row.at("payload")) == json::parse(request.body));
  CHECK(headers_of(row, request).at(0) == json::array({"Authorization", "***"}));
  CHECK_FALSE(read_file(daemon.outbox_path()).contains("activities-token-1"));
  CHECK_FALSE(daemon.log_text().contains("activities-token-1"));
}

TEST_CASE("e2e: a request without its proof is 401 and leaves no row", "[e2e][providers]") {
  PostgresCluster cluster;
  Daemon daemon(config_with_three_sources(cluster.url()));
  daemon.start();
  const auto status = [&](const std::string& target, const HttpHeaders& headers) {
    return post(daemon.port(), target, headers, whatsapp_vector().body).status;
  };
  const std::string wrong = sign_whatsapp("another secret", whatsapp_vector().body);
  CHECK(status("/api/whatsapp/webhook", {}) == 401);
  CHECK(status("/api/whatsapp/webhook", {{"X-Hub-Signature-256", wrong}}) == 401);
  CHECK(status("/api/twilio/webhook", {}) == 401);
  CHECK(status("/api/twilio/webhook", {{"X-Twilio-Signature", "AAAA"}}) == 401);
  CHECK(status("/api/activities", {}) == 401);
  const HttpResponse denied =
      post(daemon.port(), "/api/activities", {{"Authorization", "Bearer no"}}, "{}");
  CHECK(denied.status == 401);
  CHECK(denied.header("WWW-Authenticate").starts_with("Bearer"));
  CHECK(denied.header("Content-Type") == "application/problem+json");
  CHECK(daemon.pending() == 0);

  // One good write makes the relay connect, so that an empty inbox would not be for want of a
  // table.
  const HttpResponse good = post(daemon.port(), "/api/activities",
                                 {{"Authorization", "Bearer activities-token-1"}}, "{}");
  CHECK(good.status == 202);
  REQUIRE(daemon.drains(20s));
  CHECK(inbox_rows(cluster) == 1);
}
