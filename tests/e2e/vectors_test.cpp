// Conformance of the real binary: every vector of a provider over HTTP, fresh signatures where a
// signed time would be too old, and what each provider is answered.

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <ctime>
#include <format>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "fixture.hpp"
#include "support/sign.hpp"
#include "support/vectors.hpp"

using namespace holdfast;
using namespace holdfast::support;
using nlohmann::json;

namespace {

const std::string webhooks_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A basic string of TOML, which has the escapes of JSON.
std::string quoted(const std::string& text) {
  return json(text).dump();
}

std::string hmac_lines(const HmacConfig& hmac) {
  static constexpr std::array algorithms{"sha1", "sha256", "sha512"};
  static constexpr std::array encodings{"hex", "base64", "base64url"};
  static constexpr std::array secret_encodings{"raw", "hex", "base64"};
  return std::format(
      "header = {}\nalgorithm = \"{}\"\nencoding = \"{}\"\nprefix = {}\ntemplate = {}\n"
      "timestamp_header = {}\nid_header = {}\nsecret_encoding = \"{}\"\n",
      quoted(hmac.header), algorithms[static_cast<std::size_t>(hmac.algorithm)],
      encodings[static_cast<std::size_t>(hmac.encoding)], quoted(hmac.prefix),
      quoted(hmac.body_template), quoted(hmac.timestamp_header), quoted(hmac.id_header),
      secret_encodings[static_cast<std::size_t>(hmac.secret_encoding)]);
}

/// The lines of one source; secrets are given as an array of TOML.
std::string source_lines(const std::string& name, Provider provider, const std::string& path,
                         const std::string& secret) {
  return std::format("[[source]]\nname = \"{}\"\nprovider = \"{}\"\npath = {}\nsecrets = [{}]\n",
                     name, to_string(provider), quoted(path), quoted(secret));
}

/// A vector at the place where a daemon serves it.
struct Placed {
  Vector vector;
  std::string path;
  std::string target;
};

/// All vectors, in as few daemons as their paths allow: Twilio's signatures cover theirs.
std::vector<std::vector<Placed>> rounds_of_vectors() {
  std::vector<std::vector<Placed>> rounds;
  std::vector<std::set<std::string>> taken;
  int number = 0;
  for (const auto& vector : public_vectors()) {
    const auto target = vector.target.empty() ? std::format("/vector/{}", ++number) : vector.target;
    const auto path = target.substr(0, target.find('?'));
    std::size_t round = 0;
    while (round < taken.size() && taken[round].contains(path)) ++round;
    if (round == taken.size()) {
      taken.emplace_back();
      rounds.emplace_back();
    }
    taken[round].insert(path);
    rounds[round].push_back({vector, path, target});
  }
  return rounds;
}

DaemonConfig config_with(const std::string& sources) {
  DaemonConfig config = e2e::config_for("");
  config.sources = sources;
  return config;
}

std::string sources_of(const std::vector<Placed>& placed) {
  std::string text;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const auto& vector = placed[i].vector;
    text +=
        source_lines(std::format("source-{}", i), vector.provider, placed[i].path, vector.secret);
    if (!vector.public_url.empty()) text += "public_url = " + quoted(vector.public_url) + "\n";
    if (vector.provider == Provider::hmac) text += hmac_lines(vector.hmac);
  }
  return text;
}

HttpRequest request_of(const Placed& placed) {
  HttpRequest request{.target = placed.target, .body = placed.vector.body};
  for (const auto& [name, value] : placed.vector.headers) request.headers.emplace_back(name, value);
  return request;
}

std::string flipped(std::string text) {
  auto& middle = text[text.size() / 2];
  middle = static_cast<char>(middle ^ 1);
  return text;
}

json entries_of(const Daemon& daemon) {
  const CommandResult listed = daemon.run({"outbox", "list", "--limit", "1000", "--json"});
  REQUIRE(listed.exit_code == 0);
  const json document = json::parse(listed.out);
  return document.is_array() ? document : document.at("entries");
}

void check_reply(Provider provider, const HttpResponse& response) {
  CHECK_FALSE(response.header("Holdfast-Id").empty());
  const bool silent = provider == Provider::whatsapp || provider == Provider::telegram;
  if (silent) {
    CHECK(response.status == 200);
    CHECK(response.body.empty());
  } else if (provider == Provider::twilio) {
    CHECK(response.status == 200);
    CHECK(response.header("Content-Type") == "text/xml");
    CHECK(response.body == "<Response></Response>");
  } else {
    CHECK(response.status == 202);
    CHECK(response.header("Content-Type") == "application/json");
    CHECK(response.body ==
          std::format(R"({{"id":"{}","duplicate":false}})", response.header("Holdfast-Id")));
  }
}

void check_refused(const HttpResponse& response, bool stale = false) {
  CHECK(response.status == 401);
  CHECK(response.header("Content-Type") == "application/problem+json");
  CHECK_FALSE(response.header("WWW-Authenticate").empty());
  CHECK(response.header("Holdfast-Id").empty());
  CHECK(response.body.contains("clocks") == stale);
}

/// A write signed a moment ago, and where it goes.
struct Fresh {
  std::string lines;  ///< Of its source.
  HttpRequest request;
};

/// One of each scheme that signs a time, at /<provider>.
std::map<std::string, Fresh> fresh_writes(std::int64_t time, const SigningKey& sendgrid,
                                          const SigningKey& webhooks) {
  const auto text = std::to_string(time);
  const std::string body = R"({"id":"evt_1","team_id":"T1","event_id":"Ev1"})";
  std::map<std::string, Fresh> writes;
  const auto add = [&](const std::string& name, Provider provider, const std::string& secret,
                       HttpHeaders headers, const std::string& more = "") {
    writes[name] = {source_lines(name, provider, "/" + name, secret) + more,
                    {.target = "/" + name, .headers = std::move(headers), .body = body}};
  };
  add("stripe", Provider::stripe, "whsec_s",
      {{"Stripe-Signature", sign_stripe("whsec_s", time, body)}});
  add("slack", Provider::slack, "shh",
      {{"X-Slack-Signature", sign_slack("shh", time, body)}, {"X-Slack-Request-Timestamp", text}});
  const auto code = sign_standard_webhooks(webhooks_secret, "msg_1", time, body);
  for (const std::string brand : {"webhook", "svix"})
    add(brand, Provider::standard_webhooks, webhooks_secret,
        {{brand + "-signature", code}, {brand + "-id", "msg_1"}, {brand + "-timestamp", text}});
  add("webhook-ed25519", Provider::standard_webhooks, "whpk_" + webhooks.public_key(),
      {{"webhook-signature", "v1a," + webhooks.sign(std::format("msg_1.{}.{}", text, body))},
       {"webhook-id", "msg_1"},
       {"webhook-timestamp", text}});
  add("sendgrid", Provider::sendgrid, sendgrid.public_key(),
      {{"X-Twilio-Email-Event-Webhook-Signature", sendgrid.sign(text + body)},
       {"X-Twilio-Email-Event-Webhook-Timestamp", text}});
  const HmacConfig scheme{.prefix = "t1:",
                          .body_template = "{timestamp}+{id}+{body}",
                          .timestamp_header = "X-Time",
                          .id_header = "X-Id"};
  add("hmac", Provider::hmac, "own secret",
      {{"X-Signature", "t1:" + hmac_hex("SHA256", "own secret", text + "+id-1+" + body)},
       {"X-Time", text},
       {"X-Id", "id-1"}},
      hmac_lines(scheme));
  return writes;
}

}  // namespace

TEST_CASE("support: the test's own signers agree with every provider's vectors", "[e2e][support]") {
  CHECK(sign_github("It's a Secret to Everybody", "Hello, World!") ==
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  for (const auto& vector : public_vectors()) {
    const auto& code = vector.headers.front().value;
    const auto time = vector.signed_at.value_or(0);
    CAPTURE(vector.name);
    if (vector.provider == Provider::stripe)
      CHECK(sign_stripe(vector.secret, time, vector.body) == code);
    if (vector.provider == Provider::slack)
      CHECK(sign_slack(vector.secret, time, vector.body) == code);
    if (vector.provider == Provider::shopify)
      CHECK(sign_shopify(vector.secret, vector.body) == code);
    if (vector.provider == Provider::standard_webhooks)
      CHECK(sign_standard_webhooks(vector.secret, vector.headers[1].value, time, vector.body) ==
            code);
  }
}

TEST_CASE("e2e: every public vector passes, and none of them with one wrong bit",
          "[e2e][vectors]") {
  for (const auto& round : rounds_of_vectors()) {
    Daemon daemon(config_with(sources_of(round)));
    daemon.start();
    std::size_t accepted = 0;
    for (const auto& placed : round) {
      const auto& vector = placed.vector;
      CAPTURE(vector.name);
      const auto right = request_of(placed);
      auto wrong = right;
      wrong.headers[0].second = flipped(right.headers[0].second);
      check_refused(fetch(daemon.port(), wrong));
      wrong = right;
      wrong.headers.erase(wrong.headers.begin());
      check_refused(fetch(daemon.port(), wrong));
      wrong = right;
      wrong.body = flipped(right.body);
      if (vector.provider != Provider::telegram) check_refused(fetch(daemon.port(), wrong));
      const auto response = fetch(daemon.port(), right);
      if (vector.signed_at) {
        check_refused(response, true);
        continue;
      }
      check_reply(vector.provider, response);
      ++accepted;
    }
    CHECK(entries_of(daemon).size() == accepted);
    CHECK(daemon.terminate() == 0);
  }
}

TEST_CASE("e2e: what was signed just now passes once, and not with one wrong bit",
          "[e2e][vectors]") {
  const auto sendgrid = SigningKey::p256();
  const auto webhooks = SigningKey::ed25519();
  const auto writes = fresh_writes(std::time(nullptr), sendgrid, webhooks);
  std::string sources;
  for (const auto& [name, write] : writes) sources += write.lines;
  Daemon daemon(config_with(sources));
  daemon.start();
  for (const auto& [name, write] : writes) {
    CAPTURE(name);
    for (std::size_t i = 0; i < write.request.headers.size(); ++i) {
      auto wrong = write.request;
      wrong.headers[i].second = flipped(wrong.headers[i].second);
      check_refused(fetch(daemon.port(), wrong));
      wrong = write.request;
      wrong.headers.push_back(wrong.headers[i]);
      check_refused(fetch(daemon.port(), wrong));
    }
    auto wrong = write.request;
    wrong.body = flipped(wrong.body);
    check_refused(fetch(daemon.port(), wrong));
    const auto first = fetch(daemon.port(), write.request);
    check_reply(Provider::hmac, first);
    const auto again = fetch(daemon.port(), write.request);
    CHECK(again.status == first.status);
    CHECK(again.header("Holdfast-Id") == first.header("Holdfast-Id"));
    CHECK(again.body.contains("\"duplicate\":true"));
  }
  const auto entries = entries_of(daemon);
  CHECK(entries.size() == writes.size());
  std::map<std::string, std::string> keys;
  for (const auto& entry : entries) keys[entry.at("source")] = entry.at("dedupe_key");
  CHECK(keys.at("stripe") == "evt_1");
  CHECK(keys.at("slack") == "T1:Ev1");
  CHECK(keys.at("webhook") == "msg_1");
  CHECK(keys.at("svix") == "msg_1");
  CHECK(keys.at("hmac") == "id-1");
  CHECK(keys.at("sendgrid").size() == 64);
}

TEST_CASE("e2e: what was signed long ago is refused, and the log tells the operator",
          "[e2e][vectors]") {
  const auto sendgrid = SigningKey::p256();
  const auto webhooks = SigningKey::ed25519();
  for (const int offset : {-310, 310}) {
    auto writes = fresh_writes(std::time(nullptr) + offset, sendgrid, webhooks);
    writes.erase("sendgrid");  // SendGrid signs a time, but nobody checks a window.
    std::string sources;
    for (const auto& [name, write] : writes) sources += write.lines;
    Daemon daemon(config_with(sources));
    daemon.start();
    for (const auto& [name, write] : writes) {
      CAPTURE(name, offset);
      check_refused(fetch(daemon.port(), write.request), true);
    }
    CHECK(entries_of(daemon).empty());
    CHECK(daemon.terminate() == 0);
    CHECK(daemon.log_text().contains("signed_timestamp_out_of_window"));
    CHECK(daemon.log_text().contains("offset_seconds="));
  }
}

TEST_CASE("e2e: slack's question for the address is answered and not stored", "[e2e][vectors]") {
  Daemon daemon(config_with(source_lines("slack", Provider::slack, "/slack", "shh")));
  daemon.start();
  const std::string body = R"({"token":"t","challenge":"3eZbrw1a","type":"url_verification"})";
  const auto time = std::time(nullptr);
  const HttpHeaders headers{{"X-Slack-Signature", sign_slack("shh", time, body)},
                            {"X-Slack-Request-Timestamp", std::to_string(time)}};
  const auto answer = post(daemon.port(), "/slack", headers, body);
  CHECK(answer.status == 200);
  CHECK(answer.header("Content-Type") == "text/plain");
  CHECK(answer.header("X-Content-Type-Options") == "nosniff");
  CHECK(answer.body == "3eZbrw1a");
  check_refused(post(daemon.port(), "/slack", {}, body));
  CHECK(entries_of(daemon).empty());
}

TEST_CASE("e2e: a signed write without an id, or that is no JSON, is stored without a key",
          "[e2e][vectors]") {
  std::string sources = source_lines("github", Provider::github, "/github", "secret") +
                        source_lines("shopify", Provider::shopify, "/shopify", "secret") +
                        source_lines("telegram", Provider::telegram, "/telegram", "secret") +
                        source_lines("stripe", Provider::stripe, "/stripe", "secret") +
                        source_lines("slack", Provider::slack, "/slack", "secret");
  Daemon daemon(config_with(sources));
  daemon.start();
  const auto time = std::time(nullptr);
  std::size_t sent = 0;
  for (const std::string body : {R"({"n":1})", R"({"n":)", "\xFF\x01 not json"}) {
    const std::map<std::string, HttpHeaders> headers{
        {"github", {{"X-Hub-Signature-256", sign_github("secret", body)}}},
        {"shopify", {{"X-Shopify-Hmac-Sha256", sign_shopify("secret", body)}}},
        {"telegram", {{std::string(telegram_header), "secret"}}},
        {"stripe", {{"Stripe-Signature", sign_stripe("secret", time, body)}}},
        {"slack",
         {{"X-Slack-Signature", sign_slack("secret", time, body)},
          {"X-Slack-Request-Timestamp", std::to_string(time)}}}};
    for (const auto& [name, proof] : headers) {
      CAPTURE(name, body);
      const auto response = post(daemon.port(), "/" + name, proof, body);
      CHECK(response.status == (name == "telegram" ? 200 : 202));
      ++sent;
    }
  }
  const auto entries = entries_of(daemon);
  CHECK(entries.size() == sent);
  for (const auto& entry : entries) CHECK(entry.at("dedupe_key").is_null());
}
