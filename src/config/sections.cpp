#include "config/sections.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "base/limits.hpp"
#include "config/keys.hpp"
#include "config/quantity.hpp"
#include "config/secret_rules.hpp"

namespace holdfast::config {
namespace {

namespace limits = base::limits;

using namespace std::chrono_literals;

constexpr std::size_t trusted_proxies_max = 1000;
/// Five minutes until a compute is suspended, five asleep, and one for the drain itself.
constexpr std::chrono::milliseconds sleeping_window_min = 11min;

/// Refuses a key that is known and must stay empty in this version.
void refuse_unless_empty(TableReader& reader, std::string_view key) {
  const auto value = reader.text(key);
  if (value && !value->empty())
    reader.error(key,
                 "is not available in this version; remove it and end TLS in front of Holdfast");
}

void read_trusted_proxies(TableReader& reader, std::vector<std::string>& proxies) {
  const auto raw = reader.texts("trusted_proxies");
  if (!raw) return;
  if (raw->size() > trusted_proxies_max)
    return reader.error("trusted_proxies", std::format("has {} blocks; write {} at most",
                                                       raw->size(), trusted_proxies_max));
  std::vector<std::string> blocks;
  for (const auto& text : *raw) {
    auto block = parse_cidr(text);
    if (block) {
      blocks.push_back(*std::move(block));
    } else {
      reader.error("trusted_proxies", std::move(block.error()));
    }
  }
  proxies = std::move(blocks);
}

}  // namespace

void read_ingress(const toml::table& table, IngressConfig& ingress, Loading& loading) {
  TableReader reader(table, "ingress", "ingress", loading);
  reader.read_parsed("listen", ingress.listen, parse_listen);
  if (const auto url = reader.text("public_url"); url && !url->empty())
    reader.read_parsed("public_url", ingress.public_url, parse_public_url);
  reader.read_size("max_body", ingress.max_body_bytes, limits::max_body);
  reader.read_count("max_connections", ingress.max_connections, {1, 10'000});
  reader.read_count("max_open_connections", ingress.max_open_connections, {1, 1'000'000});
  reader.read_count("max_connections_per_address", ingress.max_connections_per_address,
                    {1, 1'000'000});
  reader.read_count("max_headers", ingress.max_headers, limits::headers);
  reader.read_size("max_header_bytes", ingress.max_header_bytes, limits::header_bytes);
  reader.read_size("max_uri", ingress.max_uri_bytes, limits::uri);
  reader.read_size("max_inflight_bytes", ingress.max_inflight_bytes, {kib, 64 * gib});
  reader.read_duration("request_deadline", ingress.request_deadline, {100ms, 10min});
  reader.read_duration("keep_alive_timeout", ingress.keep_alive_timeout, {1s, 1h});
  reader.read_duration("append_timeout", ingress.append_timeout, limits::append_timeout);
  read_trusted_proxies(reader, ingress.trusted_proxies);
  refuse_unless_empty(reader, "tls_certificate");
  refuse_unless_empty(reader, "tls_key");
  if (ingress.max_body_bytes > ingress.max_inflight_bytes)
    reader.error(
        "max_inflight_bytes",
        std::format("{} is less than max_body ({}), so that a large body would never fit; "
                    "write at least max_body",
                    size_text(ingress.max_inflight_bytes), size_text(ingress.max_body_bytes)));
}

void read_outbox(const toml::table& table, OutboxConfig& outbox, Loading& loading) {
  TableReader reader(table, "outbox", "outbox", loading);
  if (const auto path = reader.text("path")) {
    // SQLite takes "" and ":memory:" for databases that vanish, and "file:" for a URI with options.
    if (path->empty() || path->starts_with(':') || path->starts_with("file:"))
      reader.error("path", std::format("{} names no file; write a path such as \"/var/lib/holdfast/"
                                       "holdfast.db\"",
                                       in_quotes(*path)));
    else
      outbox.path = *path;
  }
  reader.read_size("max_size", outbox.max_size_bytes, limits::max_size);
  reader.read_size("disk_reserve", outbox.disk_reserve_bytes, limits::disk_reserve);
  reader.read_duration("keep_delivered", outbox.keep_delivered, limits::keep);
  reader.read_duration("keep_discarded", outbox.keep_discarded, limits::keep);
  reader.read_duration("dedupe_window", outbox.dedupe_window, limits::keep);
  reader.read_bool("allow_unsafe_filesystem", outbox.allow_unsafe_filesystem);
}

void read_destination(const toml::table& table, DestinationConfig& destination, Loading& loading) {
  static constexpr std::array<std::string_view, 2> drains{"eager", "economy"};
  TableReader reader(table, "destination", "destination", loading);
  if (auto url = reader.secret("url")) destination.url = Secret(*std::move(url));
  destination.url_line = reader.line_of("url");
  reader.read_parsed("schema", destination.schema, parse_schema);
  reader.read_bool("migrate", destination.migrate);
  reader.read_count("connections", destination.connections, limits::connections);
  if (const auto drain = reader.word("drain", drains))
    destination.drain = *drain == 1 ? Drain::economy : Drain::eager;
  reader.read_duration("economy_window", destination.economy_window, limits::economy_window);
  if (destination.drain == Drain::economy && destination.economy_window < sleeping_window_min)
    reader.warning(
        "economy_window",
        std::format("{} keeps a compute awake: Neon suspends one after 5 idle minutes, "
                    "so that it would hardly sleep between two drains; at least {} let "
                    "it sleep",
                    duration_text(destination.economy_window), duration_text(sleeping_window_min)));
  reader.read_duration("idle_close", destination.idle_close, limits::idle_close);
  reader.read_count("batch_entries", destination.batch_entries, limits::batch_entries);
  reader.read_size("batch_bytes", destination.batch_bytes, limits::batch_bytes);
  reader.read_duration("connect_timeout", destination.connect_timeout, limits::connect_timeout);
  reader.read_duration("deliver_timeout", destination.deliver_timeout, limits::deliver_timeout);
  reader.read_duration("backoff_initial", destination.backoff_initial, limits::backoff);
  reader.read_duration("backoff_max", destination.backoff_max, limits::backoff);
  reader.read_duration("shutdown_timeout", destination.shutdown_timeout, limits::shutdown_timeout);
  if (destination.backoff_max < destination.backoff_initial)
    reader.error("backoff_max",
                 std::format("{} is less than backoff_initial ({}); write at least that",
                             duration_text(destination.backoff_max),
                             duration_text(destination.backoff_initial)));
}

void read_log(const toml::table& table, LogConfig& log, Loading& loading) {
  static constexpr std::array<std::string_view, 4> levels{"debug", "info", "warn", "error"};
  static constexpr std::array<std::string_view, 2> formats{"text", "json"};
  TableReader reader(table, "log", "log", loading);
  if (const auto level = reader.word("level", levels)) log.level = levels[*level];
  if (const auto format = reader.word("format", formats))
    log.format = *format == 1 ? LogFormat::json : LogFormat::text;
}

}  // namespace holdfast::config
