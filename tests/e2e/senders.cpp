#include "senders.hpp"

#include <chrono>
#include <format>

#include "base/encoding.hpp"
#include "holdfast/clock.hpp"

namespace holdfast::e2e {
namespace {

using support::HttpHeaders;
using support::HttpRequest;

const std::string standard_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string public_url = "https://hooks.example.com";

std::int64_t now_seconds() {
  return std::chrono::floor<std::chrono::seconds>(SystemClock().wall_now())
      .time_since_epoch()
      .count();
}

std::string whatsapp_body(const Sending& s) {
  const std::string value =
      s.number % 3 == 0
          ? std::format(R"("statuses":[{{"id":"wamid.{0}","status":"{1}","timestamp":"1739321024",)"
                        R"("recipient_id":"49{0}"}}])",
                        s.number, s.variant % 2 == 0 ? "delivered" : "read")
          : std::format(R"("contacts":[{{"profile":{{"name":"Zo\u00eb {0}"}},"wa_id":"{0}"}}],)"
                        R"("messages":[{{"from":"{0}","id":"wamid.{1}","timestamp":"1739321024",)"
                        R"("type":"text","text":{{"body":"text {1} {2}"}}}}])",
                        user_of(s.number), s.number, s.variant);
  return std::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":)"
      R"([{{"field":"messages","value":{{"messaging_product":"whatsapp",{}}}}}]}}]}})",
      value);
}

std::vector<std::pair<std::string, std::string>> twilio_fields(const Sending& s) {
  std::vector<std::pair<std::string, std::string>> fields{
      {"MessageSid", std::format("SM{:032x}", s.number)},
      {"From", "+" + user_of(s.number)},
      {"To", "+14155238886"},
      {"AccountSid", "AC1"}};
  if (s.number % 3 == 0)
    fields.emplace_back("MessageStatus", "delivered");
  else
    fields.emplace_back("Body", std::format("text {} & {}", s.number, s.variant));
  if (s.number % 3 == 0 && s.variant > 0)
    fields.emplace_back("RawDlrDoneDate", std::format("261124120{}", s.variant));
  return fields;
}

std::string stripe_body(const Sending& s) {
  return std::format(
      R"({{"id":"evt_{}","object":"event","type":"{}","data":{{"object":{{"amount":{}}}}},)"
      R"("pending_webhooks":{}}})",
      s.number, type_of(s.number), 100 + s.number + s.variant, 1 + s.attempt);
}

}  // namespace

std::string user_of(int number) {
  return std::format("1650555{:04}", number % 40);
}

std::string type_of(int number) {
  return number % 2 == 0 ? "charge.succeeded" : "charge.failed";
}

std::string tables_of_senders() {
  return "CREATE TABLE payments (event_id text PRIMARY KEY, kind text, amount bigint);"
         "CREATE TABLE totals (kind text PRIMARY KEY, n bigint DEFAULT 0, amount bigint DEFAULT 0);"
         "INSERT INTO totals (kind) VALUES ('charge.succeeded'), ('charge.failed');"
         "CREATE TABLE pushes (delivery text, number int);"
         "CREATE TABLE activities (id bigserial, activity text, user_id text, data jsonb);";
}

Senders::Senders() : sendgrid_key_(support::SigningKey::p256()) {}

std::string Senders::sources() const {
  std::string text;
  const auto source = [&](std::string_view name, std::string_view provider, std::string_view secret,
                          std::string_view more) {
    text += std::format("[[source]]\nname = \"{}\"\nprovider = \"{}\"\n", name, provider);
    if (!secret.empty()) text += std::format("secrets = [\"old-{0}\", \"{0}\"]\n", secret);
    text += std::string(more) + "\n";
  };
  source("whatsapp", "whatsapp", "app-secret", "write = \"whatsapp\"");
  source("twilio", "twilio", "auth-token",
         "write = \"twilio\"\npublic_url = \"" + public_url + "\"");
  source("stripe", "stripe", "whsec_stripe", R"toml(write = [
  { statement = "INSERT INTO payments VALUES ($1, $2, $3)",
    parameters = ["/id", "/type", "/data/object/amount"]
},
  { statement = "UPDATE totals SET n = n + 1, amount = amount + $2 WHERE kind = $1",
    parameters = ["/type", "/data/object/amount"] } ])toml");
  source("github", "github", "github-secret", R"toml(write = [
  { statement = "INSERT INTO pushes VALUES ($1, $2)", parameters = ["header:x-github-delivery", "/number"],
    when = "header:X-GitHub-Event=push"
} ])toml");
  source("slack", "slack", "slack-secret", "");
  source("shopify", "shopify", "shopify-secret", "");
  source("standard", "standard-webhooks", "",
         "secrets = [\"" + standard_secret + "\"]\norder_by = \"/data/user\"");
  source("sendgrid", "sendgrid", "", "secrets = [\"" + sendgrid_key_.public_key() + "\"]");
  source("telegram", "telegram", "", "secrets = [\"telegram_token\"]");
  source("hmac", "hmac", "hmac-secret", R"toml(header = "X-My-Signature"
algorithm = "sha512"
encoding = "base64"
prefix = "v9="
template = "{timestamp}/{id}/{body}"
timestamp_header = "X-My-Time"
id_header = "X-My-Id")toml");
  source("activities", "bearer", "activities-token", R"toml(dedupe = "/id"
order_by = "/userId"
write = [ { statement = "INSERT INTO activities (activity, user_id, data) VALUES ($1, $2, $3)",
            parameters = ["/id", "/userId", ""]
  } ])toml");
  source("none", "none", "", "");
  return text;
}

std::string Senders::body(const Sending& s) {
  if (s.sender == "whatsapp") return whatsapp_body(s);
  if (s.sender == "twilio") return support::form_body(twilio_fields(s));
  if (s.sender == "stripe") return stripe_body(s);
  if (s.sender == "slack")
    return std::format(R"({{"type":"event_callback","team_id":"T1","event_id":"Ev{}","v":{}}})",
                       s.number, s.variant);
  if (s.sender == "telegram")
    return std::format(R"({{"update_id":{},"message":{{"text":"{}"}}}})", s.number, s.variant);
  if (s.sender == "sendgrid")
    return std::format("[{{\"sg_event_id\":\"{}\",\"v\":{}}}]\r\n", s.number, s.variant);
  if (s.sender == "standard")
    return std::format(R"({{"type":"x","data":{{"user":"{}","number":{},"v":{}}}}})",
                       user_of(s.number), s.number, s.variant);
  if (s.sender == "activities")
    return std::format(R"({{"id":{},"userId":"{}","type":"click","v":{}}})", s.number,
                       user_of(s.number), s.variant);
  return std::format(R"({{"number":{},"v":{}}})", s.number, s.variant);
}

HttpHeaders Senders::headers(const Sending& s, const std::string& body) const {
  const auto time = now_seconds();
  const auto id = std::format("{}-{}", s.sender, s.number);
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  if (s.sender == "whatsapp")
    return {{"X-Hub-Signature-256", support::sign_whatsapp("app-secret", body)}};
  if (s.sender == "twilio")
    return {{"X-Twilio-Signature",
             support::sign_twilio("auth-token", public_url + "/ingest/twilio", twilio_fields(s))},
            {"X-Try", text(s.attempt)}};
  if (s.sender == "stripe")
    return {{"Stripe-Signature", support::sign_stripe("whsec_stripe", time, body)}};
  if (s.sender == "github")
    return {{"X-Hub-Signature-256", support::sign_github("github-secret", body)},
            {"X-GitHub-Event", s.number % 2 == 0 ? "push" : "ping"},
            {"X-GitHub-Delivery", id}};
  if (s.sender == "slack")
    return {{"X-Slack-Request-Timestamp", text(time)},
            {"X-Slack-Signature", support::sign_slack("slack-secret", time, body)}};
  if (s.sender == "shopify")
    return {{"X-Shopify-Hmac-Sha256", support::sign_shopify("shopify-secret", body)},
            {"X-Shopify-Webhook-Id", id}};
  if (s.sender == "standard")
    return {{"svix-id", id},
            {"svix-timestamp", text(time)},
            {"svix-signature", support::sign_standard_webhooks(standard_secret, id, time, body)}};
  if (s.sender == "sendgrid")
    return {{"X-Twilio-Email-Event-Webhook-Timestamp", text(time)},
            {"X-Twilio-Email-Event-Webhook-Signature", sendgrid_key_.sign(text(time) + body)}};
  if (s.sender == "telegram") return {{std::string(support::telegram_header), "telegram_token"}};
  if (s.sender == "hmac") {
    const auto code =
        support::hmac_base64("SHA512", "hmac-secret", std::format("{}/{}/{}", time, id, body));
    return {{"X-My-Time", text(time)}, {"X-My-Id", id}, {"X-My-Signature", "v9=" + code}};
  }
  if (s.sender == "activities") return {{"Authorization", "Bearer activities-token"}};
  return {};
}

HttpRequest Senders::request(const Sending& s) const {
  HttpRequest request;
  request.target = std::format("/ingest/{}", s.sender);
  request.body = body(s);
  request.headers = headers(s, request.body);
  request.headers.emplace_back("Content-Type", s.sender == "twilio"
                                                   ? "application/x-www-form-urlencoded"
                                                   : "application/json");
  if (!s.forged) return request;
  // A tampered body, or for those who send a token, a wrong one.
  if (s.sender == "telegram" || s.sender == "activities")
    request.headers.front().second += "x";
  else if (s.sender == "twilio")
    request.body += "&Extra=1";
  else
    request.body += " ";
  return request;
}

std::optional<std::string> Senders::key(const Sending& s) const {
  const auto id = std::format("{}-{}", s.sender, s.number);
  if (s.sender == "whatsapp" || s.sender == "sendgrid") return base::sha256_hex(body(s));
  if (s.sender == "twilio")
    return std::format("SM{:032x}{}", s.number, s.number % 3 == 0 ? ":delivered" : "");
  if (s.sender == "stripe") return std::format("evt_{}", s.number);
  if (s.sender == "slack") return std::format("T1:Ev{}", s.number);
  if (s.sender == "telegram" || s.sender == "activities") return std::to_string(s.number);
  if (s.sender == "none") return std::nullopt;
  return id;
}

int Senders::accepted_status(std::string_view sender) {
  return sender == "whatsapp" || sender == "twilio" || sender == "telegram" ? 200 : 202;
}

}  // namespace holdfast::e2e
