#include "config/difference.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>

namespace holdfast::config {
namespace {

/// What a change of a key means.
enum class Effect {
  nothing,  ///< It is there for messages alone.
  restart,  ///< Only a new start takes it.
  itself,   ///< Whoever uses it looks it up when it is used.
  ingress,
  relay,
  admin,
};

struct Key {
  std::string_view name;
  Effect effect;
};

// Structured bindings on purpose: they name each field, so that one more does not compile. The keys
// of a struct stand in the order of its fields.

auto fields(const IngressConfig& config) {
  const auto& [listen, public_url, max_body, max_connections, max_open, max_per_address,
               max_headers, max_header_bytes, max_uri, max_inflight, request_deadline,
               keep_alive_timeout, append_timeout, trusted_proxies] = config;
  return std::tie(listen, public_url, max_body, max_connections, max_open, max_per_address,
                  max_headers, max_header_bytes, max_uri, max_inflight, request_deadline,
                  keep_alive_timeout, append_timeout, trusted_proxies);
}
/// The two that a source has from here where it has none of its own are reloaded with the sources.
constexpr std::array ingress_effects{Key{"listen", Effect::restart},
                                     Key{"public_url", Effect::ingress},
                                     Key{"max_body", Effect::ingress},
                                     Key{"max_connections", Effect::restart},
                                     Key{"max_open_connections", Effect::restart},
                                     Key{"max_connections_per_address", Effect::restart},
                                     Key{"max_headers", Effect::restart},
                                     Key{"max_header_bytes", Effect::restart},
                                     Key{"max_uri", Effect::restart},
                                     Key{"max_inflight_bytes", Effect::restart},
                                     Key{"request_deadline", Effect::restart},
                                     Key{"keep_alive_timeout", Effect::restart},
                                     Key{"append_timeout", Effect::restart},
                                     Key{"trusted_proxies", Effect::restart}};

auto fields(const OutboxConfig& config) {
  const auto& [path, max_size, disk_reserve, keep_delivered, keep_discarded, dedupe_window,
               allow_unsafe_filesystem] = config;
  return std::tie(path, max_size, disk_reserve, keep_delivered, keep_discarded, dedupe_window,
                  allow_unsafe_filesystem);
}
constexpr std::array outbox_effects{Key{"path", Effect::restart},
                                    Key{"max_size", Effect::restart},
                                    Key{"disk_reserve", Effect::restart},
                                    Key{"keep_delivered", Effect::restart},
                                    Key{"keep_discarded", Effect::restart},
                                    Key{"dedupe_window", Effect::restart},
                                    Key{"allow_unsafe_filesystem", Effect::restart}};

auto fields(const DestinationConfig& config) {
  const auto& [url_line, url, schema, migrate, connections, drain, economy_window, idle_close,
               batch_entries, batch_bytes, connect_timeout, deliver_timeout, backoff_initial,
               backoff_max, shutdown_timeout] = config;
  return std::tie(url_line, url, schema, migrate, connections, drain, economy_window, idle_close,
                  batch_entries, batch_bytes, connect_timeout, deliver_timeout, backoff_initial,
                  backoff_max, shutdown_timeout);
}
constexpr std::array destination_effects{Key{"url", Effect::nothing},
                                         Key{"url", Effect::relay},
                                         Key{"schema", Effect::relay},
                                         Key{"migrate", Effect::relay},
                                         Key{"connections", Effect::relay},
                                         Key{"drain", Effect::relay},
                                         Key{"economy_window", Effect::relay},
                                         Key{"idle_close", Effect::relay},
                                         Key{"batch_entries", Effect::relay},
                                         Key{"batch_bytes", Effect::relay},
                                         Key{"connect_timeout", Effect::relay},
                                         Key{"deliver_timeout", Effect::relay},
                                         Key{"backoff_initial", Effect::relay},
                                         Key{"backoff_max", Effect::relay},
                                         Key{"shutdown_timeout", Effect::itself}};

auto fields(const AdminConfig& config) {
  const auto& [listen, tokens] = config;
  return std::tie(listen, tokens);
}
constexpr std::array admin_effects{Key{"listen", Effect::restart}, Key{"token", Effect::admin}};

auto fields(const LogConfig& config) {
  const auto& [level, format] = config;
  return std::tie(level, format);
}
constexpr std::array log_effects{Key{"level", Effect::itself}, Key{"format", Effect::restart}};

auto fields(const HmacConfig& config) {
  const auto& [header, algorithm, encoding, prefix, body_template, timestamp_header, id_header,
               tolerance, secret_encoding] = config;
  return std::tie(header, algorithm, encoding, prefix, body_template, timestamp_header, id_header,
                  tolerance, secret_encoding);
}

auto fields(const WriteStatement& write) {
  [[maybe_unused]] const auto& [statement, parameters, when, line] = write;
  return std::tie(statement, parameters, when);
}

auto fields(const SourceConfig& source) {
  const auto& [name, provider, path, secrets, verify_token, dedupe, order_by, token_header, hmac,
               max_body, public_url, allow_unverified, operations, statements] = source;
  return std::tuple_cat(
      std::tie(name, provider, path, secrets, verify_token, dedupe, order_by, token_header),
      fields(hmac), std::tie(max_body, public_url, allow_unverified, operations, statements));
}
constexpr std::array source_effects{
    Key{"name", Effect::nothing},  // The same in both: sources are compared by their names.
    Key{"provider", Effect::ingress},
    Key{"path", Effect::ingress},
    Key{"secrets", Effect::ingress},
    Key{"verify_token", Effect::ingress},
    Key{"dedupe", Effect::ingress},
    Key{"order_by", Effect::ingress},
    Key{"token_header", Effect::ingress},
    Key{"header", Effect::ingress},
    Key{"algorithm", Effect::ingress},
    Key{"encoding", Effect::ingress},
    Key{"prefix", Effect::ingress},
    Key{"template", Effect::ingress},
    Key{"timestamp_header", Effect::ingress},
    Key{"id_header", Effect::ingress},
    Key{"tolerance", Effect::ingress},
    Key{"secret_encoding", Effect::ingress},
    Key{"max_body", Effect::ingress},
    Key{"public_url", Effect::ingress},
    Key{"allow_unverified", Effect::ingress},
    Key{"write", Effect::relay},   // Operations,
    Key{"write", Effect::relay}};  // or statements.

template <class Field>
bool same(const Field& old, const Field& now) {
  return old == now;
}
bool same(const std::vector<WriteStatement>& old, const std::vector<WriteStatement>& now) {
  return std::ranges::equal(old, now, [](const WriteStatement& left, const WriteStatement& right) {
    return fields(left) == fields(right);
  });
}

/// Takes notes of one section, or of one source.
class Notes {
 public:
  Notes(std::string before, Difference& difference)
      : before_(std::move(before)), difference_(difference) {}

  void note(const Key& key) {
    if (key.effect == Effect::nothing) return;
    auto& list = key.effect == Effect::restart ? difference_.needs_restart : difference_.changed;
    auto name = before_ + std::string(key.name);
    if (list.empty() || list.back() != name) list.push_back(std::move(name));
    if (key.effect == Effect::ingress) difference_.ingress = true;
    if (key.effect == Effect::relay) difference_.relay = true;
    if (key.effect == Effect::admin) difference_.admin = true;
  }

  template <class Section, std::size_t Count>
  void compare(const Section& old, const Section& now, const std::array<Key, Count>& keys) {
    const auto before = fields(old);
    const auto after = fields(now);
    static_assert(std::tuple_size_v<decltype(before)> == Count, "each field has its key");
    [&]<std::size_t... At>(std::index_sequence<At...>) {
      ((same(std::get<At>(before), std::get<At>(after)) ? void() : note(keys[At])), ...);
    }(std::make_index_sequence<Count>());
  }

 private:
  const std::string before_;
  Difference& difference_;
};

const SourceConfig* find(const std::vector<SourceConfig>& sources, std::string_view name) {
  const auto found = std::ranges::find(sources, name, &SourceConfig::name);
  return found == sources.end() ? nullptr : &*found;
}

void note_all_parts(std::string what, Difference& difference) {
  difference.changed.push_back(std::move(what));
  difference.ingress = difference.relay = difference.admin = true;
}

void compare_sources(const std::vector<SourceConfig>& old, const std::vector<SourceConfig>& now,
                     Difference& difference) {
  for (const auto& source : now) {
    const auto before = "source " + source.name + ": ";
    if (const auto* known = find(old, source.name))
      Notes(before, difference).compare(*known, source, source_effects);
    else
      note_all_parts(before + "added", difference);
  }
  for (const auto& source : old)
    if (find(now, source.name) == nullptr)
      note_all_parts("source " + source.name + ": removed", difference);
}

}  // namespace

Difference difference(const Config& old, const Config& now) {
  Difference found;
  [[maybe_unused]] const auto& [origin, warnings, ingress, outbox, destination, admin, log,
                                sources] = old;
  Notes("ingress.", found).compare(ingress, now.ingress, ingress_effects);
  Notes("outbox.", found).compare(outbox, now.outbox, outbox_effects);
  Notes("destination.", found).compare(destination, now.destination, destination_effects);
  Notes("admin.", found).compare(admin, now.admin, admin_effects);
  Notes("log.", found).compare(log, now.log, log_effects);
  compare_sources(sources, now.sources, found);
  return found;
}

}  // namespace holdfast::config
