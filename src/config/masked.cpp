#include "config/masked.hpp"

#include <algorithm>
#include <format>
#include <optional>
#include <string_view>

#include "config/hmac.hpp"
#include "config/quantity.hpp"
#include "config/secret_rules.hpp"
#include "config/writes.hpp"

namespace holdfast::config {
namespace {

/// A TOML basic string that stands for `text` once its variables are replaced.
std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (text.substr(i).starts_with("${")) {
      result += "$$";
    } else if (c == '\n') {
      result += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += std::format("\\u{:04X}", byte);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string secret_text(const Secret& secret) {
  return toml_string(secret.empty() ? "" : secret_mask);
}

std::string toml_list(const std::vector<std::string>& values) {
  std::string list;
  for (const auto& value : values) list += (list.empty() ? "" : ", ") + toml_string(value);
  return '[' + list + ']';
}

/// A URL with whatever stands before "@" masked.
std::string without_user(std::string_view url) {
  const auto begin = url.find("://");
  const auto at = url.find('@');
  if (begin == std::string_view::npos || at == std::string_view::npos) return std::string(url);
  return std::format("{}{}{}", url.substr(0, begin + 3), secret_mask, url.substr(at));
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
    raw(key, toml_list(values));
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
  out.count("max_open_connections", ingress.max_open_connections);
  out.count("max_connections_per_address", ingress.max_connections_per_address);
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
  out.text("drain", destination.drain == Drain::economy ? "economy" : "eager");
  out.duration("economy_window", destination.economy_window);
  out.duration("idle_close", destination.idle_close);
  out.count("batch_entries", destination.batch_entries);
  out.size("batch_bytes", destination.batch_bytes);
  out.duration("connect_timeout", destination.connect_timeout);
  out.duration("deliver_timeout", destination.deliver_timeout);
  out.duration("backoff_initial", destination.backoff_initial);
  out.duration("backoff_max", destination.backoff_max);
  out.duration("shutdown_timeout", destination.shutdown_timeout);
}

void write(Writer& out, const HmacConfig& hmac) {
  out.text("header", hmac.header);
  out.text("algorithm", to_string(hmac.algorithm));
  out.text("encoding", to_string(hmac.encoding));
  out.text("prefix", hmac.prefix);
  out.text("template", hmac.body_template);
  out.text("timestamp_header", hmac.timestamp_header);
  out.text("id_header", hmac.id_header);
  out.duration("tolerance", hmac.tolerance);
  out.text("secret_encoding", to_string(hmac.secret_encoding));
}

/// One statement a line, so that TOML 1.0 reads it, too.
void write(Writer& out, const std::vector<WriteStatement>& statements) {
  std::string list = "[\n";
  for (const auto& write : statements) {
    list += std::format("  {{ statement = {}, parameters = {}", toml_string(write.statement),
                        toml_list(write.parameters));
    if (!write.when.empty()) list += std::format(", when = {}", toml_string(write.when));
    list += " },\n";
  }
  out.raw("write", list + ']');
}

/// What is in force for this source alone; GitHub sends up to 25 MiB, and never a second time.
std::optional<std::uint64_t> own_max_body(const SourceConfig& source,
                                          const IngressConfig& ingress) {
  constexpr std::uint64_t github_body_bytes = 25 * mib;
  if (source.max_body_bytes || source.provider != Provider::github) return source.max_body_bytes;
  return std::min(std::max(ingress.max_body_bytes, github_body_bytes), ingress.max_inflight_bytes);
}

void write(Writer& out, const SourceConfig& source, const IngressConfig& ingress) {
  out.section("[[source]]");
  out.text("name", source.name);
  out.text("provider", to_string(source.provider));
  out.text("path", source.effective_path());
  if (!source.secrets.empty())
    out.texts("secrets", std::vector<std::string>(source.secrets.size(), std::string(secret_mask)));
  if (!source.verify_token.empty()) out.raw("verify_token", secret_text(source.verify_token));
  if (!source.dedupe.empty()) out.text("dedupe", source.dedupe);
  if (!source.order_by.empty()) out.text("order_by", source.order_by);
  if (!source.token_header.empty()) out.text("token_header", source.token_header);
  if (const auto bytes = own_max_body(source, ingress)) out.size("max_body", *bytes);
  if (source.public_url) out.text("public_url", without_user(*source.public_url));
  if (source.allow_unverified) out.flag("allow_unverified", true);
  if (source.provider == Provider::hmac) write(out, source.hmac);
  if (source.operations != Operations::none) out.text("write", to_string(source.operations));
  if (!source.statements.empty()) write(out, source.statements);
}

void write(Writer& out, const AdminConfig& admin) {
  out.section("[admin]");
  out.text("listen", admin.listen.to_string());
  const bool unnamed = admin.tokens.size() == 1 && admin.tokens.front().name == unnamed_token;
  if (admin.tokens.empty() || unnamed)
    return out.raw("token", secret_text(unnamed ? admin.tokens.front().secret : Secret()));
  for (const auto& token : admin.tokens) {
    out.section("[[admin.token]]");
    out.text("name", token.name);
    out.raw("secret", secret_text(token.secret));
  }
}

}  // namespace

std::string to_masked_toml(const Config& config) {
  Writer out;
  write(out, config.ingress);
  write(out, config.outbox);
  write(out, config.destination);
  write(out, config.admin);
  out.section("[log]");
  out.text("level", config.log.level);
  out.text("format", config.log.format == LogFormat::json ? "json" : "text");
  for (const auto& source : config.sources) write(out, source, config.ingress);
  return out.take();
}

}  // namespace holdfast::config
