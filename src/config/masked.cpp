#include "config/masked.hpp"

#include <format>
#include <string_view>

#include "config/keys.hpp"
#include "config/quantity.hpp"

namespace holdfast::config {
namespace {

constexpr std::string_view mask = "***";

/// A TOML basic string.
std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      result += std::format("\\u{:04X}", byte);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string secret_text(const Secret& secret) {
  return toml_string(secret.empty() ? "" : mask);
}

/// A URL with whatever stands before "@" masked.
std::string without_user(std::string_view url) {
  const auto begin = url.find("://");
  const auto at = url.find('@');
  if (begin == std::string_view::npos || at == std::string_view::npos) return std::string(url);
  return std::format("{}{}{}", url.substr(0, begin + 3), mask, url.substr(at));
}

/// Lines of "key = value".
class Writer {
 public:
  void section(std::string_view header) {
    text_ += std::format("{}{}\n", text_.empty() ? "" : "\n", header);
  }
  void raw(std::string_view key, std::string_view value) {
    text_ += std::format("{} = {}\n", key, value);
  }
  void text(std::string_view key, std::string_view value) { raw(key, toml_string(value)); }
  void size(std::string_view key, std::uint64_t bytes) { text(key, size_text(bytes)); }
  void count(std::string_view key, std::uint32_t value) { raw(key, std::to_string(value)); }
  void flag(std::string_view key, bool value) { raw(key, value ? "true" : "false"); }
  void duration(std::string_view key, std::chrono::milliseconds value) {
    text(key, duration_text(value));
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    std::string list;
    for (const auto& value : values) list += (list.empty() ? "" : ", ") + toml_string(value);
    raw(key, '[' + list + ']');
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write(Writer& out, const IngressConfig& ingress) {
  out.section("[ingress]");
  out.text("listen", ingress.listen.to_string());
  out.text("public_url", without_user(ingress.public_url));
  out.size("max_body", ingress.max_body_bytes);
  out.count("max_connections", ingress.max_connections);
  out.count("max_headers", ingress.max_headers);
  out.size("max_header_bytes", ingress.max_header_bytes);
  out.size("max_uri", ingress.max_uri_bytes);
  out.size("max_inflight_bytes", ingress.max_inflight_bytes);
  out.duration("request_deadline", ingress.request_deadline);
  out.duration("keep_alive_timeout", ingress.keep_alive_timeout);
  out.duration("append_timeout", ingress.append_timeout);
  out.texts("trusted_proxies", ingress.trusted_proxies);
}

void write(Writer& out, const OutboxConfig& outbox) {
  out.section("[outbox]");
  out.text("path", outbox.path);
  out.size("max_size", outbox.max_size_bytes);
  out.size("disk_reserve", outbox.disk_reserve_bytes);
  out.duration("keep_delivered", outbox.keep_delivered);
  out.duration("keep_discarded", outbox.keep_discarded);
  out.duration("dedupe_window", outbox.dedupe_window);
  out.flag("allow_unsafe_filesystem", outbox.allow_unsafe_filesystem);
}

void write(Writer& out, const DestinationConfig& destination) {
  out.section("[destination]");
  out.raw("url", secret_text(destination.url));
  out.text("schema", destination.schema);
  out.flag("migrate", destination.migrate);
  out.count("connections", destination.connections);
  out.duration("idle_close", destination.idle_close);
  out.count("batch_entries", destination.batch_entries);
  out.size("batch_bytes", destination.batch_bytes);
  out.duration("connect_timeout", destination.connect_timeout);
  out.duration("deliver_timeout", destination.deliver_timeout);
  out.duration("backoff_initial", destination.backoff_initial);
  out.duration("backoff_max", destination.backoff_max);
  out.duration("shutdown_timeout", destination.shutdown_timeout);
}

void write(Writer& out, const SourceConfig& source) {
  out.section("[[source]]");
  out.text("name", source.name);
  out.text("provider", providers[static_cast<std::size_t>(source.provider)]);
  out.text("path", source.effective_path());
  if (!source.secrets.empty())
    out.texts("secrets", std::vector<std::string>(source.secrets.size(), std::string(mask)));
  if (!source.verify_token.empty()) out.raw("verify_token", secret_text(source.verify_token));
  if (!source.dedupe.empty()) out.text("dedupe", source.dedupe);
  if (!source.token_header.empty()) out.text("token_header", source.token_header);
  if (source.max_body_bytes) out.size("max_body", *source.max_body_bytes);
  if (source.public_url) out.text("public_url", without_user(*source.public_url));
  if (source.allow_unverified) out.flag("allow_unverified", true);
}

}  // namespace

std::string to_masked_toml(const Config& config) {
  Writer out;
  write(out, config.ingress);
  write(out, config.outbox);
  write(out, config.destination);
  out.section("[admin]");
  out.text("listen", config.admin.listen.to_string());
  out.raw("token", secret_text(config.admin.token));
  out.section("[log]");
  out.text("level", config.log.level);
  out.text("format", config.log.format == LogFormat::json ? "json" : "text");
  for (const auto& source : config.sources) write(out, source);
  return out.take();
}

}  // namespace holdfast::config
