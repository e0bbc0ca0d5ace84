#include "senders.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <format>

#include "base/encoding.hpp"
#include "support/sign.hpp"

namespace holdfast::simulation {
namespace {

constexpr std::string_view origin = "https://hooks.example.com";
constexpr std::string_view standard_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Sender {
  std::string_view name;
  Provider provider;
  std::string_view dedupe = "";
  std::string_view order_by = "";
};

constexpr std::array<Sender, 9> senders{{{"activities", Provider::bearer, "/id", "/userId"},
                                         {"chat", Provider::slack},
                                         {"code", Provider::github},
                                         {"hooks", Provider::standard_webhooks},
                                         {"log", Provider::bearer},
                                         {"payments", Provider::stripe},
                                         {"shop", Provider::shopify},
                                         {"sms", Provider::twilio},
                                         {"whatsapp", Provider::whatsapp}}};

const Sender& sender_of(std::string_view name) {
  return *std::ranges::find(senders, name, &Sender::name);
}

std::string secret_of(std::string_view name) {
  if (sender_of(name).provider == Provider::standard_webhooks) return std::string(standard_secret);
  return std::format("secret of {}", name);
}

std::string path_of(std::string_view name) {
  return std::format("/api/{}/webhook", name);
}

std::vector<std::pair<std::string, std::string>> form_of(const Write& write) {
  return {{"MessageSid", write.key},
          {"Number", std::to_string(write.number)},
          {"Variant", std::to_string(write.variant)},
          {"Body", std::string(static_cast<std::size_t>(write.pad_bytes), 'x')}};
}

void sign(Request& request, const Write& write, const std::string& secret, std::int64_t time) {
  auto& headers = request.head.headers;
  const auto& body = request.body;
  const auto stamp = std::to_string(time);
  switch (sender_of(write.source).provider) {
    case Provider::whatsapp:
      headers.push_back({"X-Hub-Signature-256", support::sign_whatsapp(secret, body)});
      return;
    case Provider::github:
      headers.push_back({"X-GitHub-Delivery", write.key});
      headers.push_back({"X-Hub-Signature-256", support::sign_github(secret, body)});
      return;
    case Provider::stripe:
      headers.push_back({"Stripe-Signature", support::sign_stripe(secret, time, body)});
      return;
    case Provider::slack:
      headers.push_back({"X-Slack-Request-Timestamp", stamp});
      headers.push_back({"X-Slack-Signature", support::sign_slack(secret, time, body)});
      return;
    case Provider::shopify:
      headers.push_back({"X-Shopify-Webhook-Id", write.key});
      headers.push_back({"X-Shopify-Hmac-Sha256", support::sign_shopify(secret, body)});
      return;
    case Provider::standard_webhooks:
      headers.push_back({"webhook-id", write.key});
      headers.push_back({"webhook-timestamp", stamp});
      headers.push_back(
          {"webhook-signature", support::sign_standard_webhooks(secret, write.key, time, body)});
      return;
    case Provider::twilio: {
      const auto url = std::string(origin) + request.head.target;
      headers.push_back({"X-Twilio-Signature", support::sign_twilio(secret, url, form_of(write))});
      return;
    }
    default: headers.push_back({"Authorization", "Bearer " + secret});
  }
}

}  // namespace

std::vector<SourceConfig> all_sources() {
  std::vector<SourceConfig> all;
  for (const Sender& sender : senders) {
    SourceConfig source;
    source.name = sender.name;
    source.provider = sender.provider;
    source.path = path_of(sender.name);
    source.dedupe = sender.dedupe;
    source.order_by = sender.order_by;
    source.public_url = std::string(origin);
    source.secrets.emplace_back("an older secret, before its rotation");
    if (sender.provider == Provider::standard_webhooks) source.secrets.clear();
    source.secrets.emplace_back(secret_of(sender.name));
    all.push_back(std::move(source));
  }
  return all;
}

std::vector<std::string> names_of(const std::vector<SourceConfig>& sources) {
  std::vector<std::string> names;
  for (const auto& source : sources) names.push_back(source.name);
  return names;
}

bool has_keys(std::string_view source) {
  return source != "log" && source != "whatsapp";
}

bool may_bypass(std::string_view source) {
  return source == "activities" || source == "log" || source == "code";
}

bool signs_time(std::string_view source) {
  const auto provider = sender_of(source).provider;
  return provider == Provider::stripe || provider == Provider::slack ||
         provider == Provider::standard_webhooks;
}

std::string body_of(const Write& write) {
  const auto provider = sender_of(write.source).provider;
  if (provider == Provider::twilio) return support::form_body(form_of(write));
  const auto id = provider == Provider::slack
                      ? std::format(R"("team_id":"T1","event_id":"{}")", write.key)
                      : std::format(R"("id":"{}")", write.key);
  auto body = std::format(R"({{{},"number":{},"variant":{})",
                          write.key.empty() ? R"("id":null)" : id, write.number, write.variant);
  if (!write.order.empty()) body += std::format(R"(,"userId":"{}")", write.order);
  if (provider == Provider::stripe)
    body += std::format(R"(,"pending_webhooks":{})", 9 - write.tries);
  body += R"(,"pad":")" + std::string(static_cast<std::size_t>(write.pad_bytes), 'x') + "\"}";
  return body;
}

std::optional<std::string> dedupe_key_of(const Write& write) {
  if (write.source == "whatsapp") return base::sha256_hex(body_of(write));
  if (write.key.empty()) return std::nullopt;
  return write.source == "chat" ? "T1:" + write.key : write.key;
}

Request request_of(const Write& write, WallTime now, Forgery forgery) {
  Request request;
  request.body = body_of(write);
  request.head.method = "POST";
  request.head.target = path_of(write.source);
  request.head.host = "hooks.example.com";
  const bool form = sender_of(write.source).provider == Provider::twilio;
  request.head.headers = {
      {"Host", "hooks.example.com"},
      {"Content-Type", form ? "application/x-www-form-urlencoded" : "application/json"}};
  auto time = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (forgery == Forgery::old_time) time -= 3'600;
  auto secret = secret_of(write.source);
  if (forgery == Forgery::other_secret) secret.back() = secret.back() == 'A' ? 'B' : 'A';
  sign(request, write, secret, time);
  if (forgery == Forgery::changed_body) {
    auto changed = write;
    ++changed.number;
    request.body = body_of(changed);
  }
  request.head.content_length = request.body.size();
  return request;
}

NewEntry entry_of(const Write& write, WallTime now) {
  NewEntry entry;
  entry.source = write.source;
  entry.dedupe_key = dedupe_key_of(write);
  if (!write.order.empty()) entry.order_key = write.order;
  entry.received_at = now;
  entry.method = "POST";
  entry.target = path_of(write.source);
  entry.content_type = "application/json";
  entry.headers = {{"Host", "hooks.example.com"}};
  entry.body = body_of(write);
  return entry;
}

}  // namespace holdfast::simulation
