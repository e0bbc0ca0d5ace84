#include "config/keys.hpp"

#include <algorithm>
#include <format>
#include <vector>

#include "base/check.hpp"

namespace holdfast::config {
namespace {

constexpr std::string_view ingress_keys[] = {"listen",
                                             "public_url",
                                             "max_body",
                                             "max_connections",
                                             "max_open_connections",
                                             "max_connections_per_address",
                                             "max_headers",
                                             "max_header_bytes",
                                             "max_uri",
                                             "max_inflight_bytes",
                                             "request_deadline",
                                             "keep_alive_timeout",
                                             "append_timeout",
                                             "trusted_proxies",
                                             "tls_certificate",
                                             "tls_key"};
constexpr std::string_view outbox_keys[] = {
    "path",           "max_size",      "disk_reserve",           "keep_delivered",
    "keep_discarded", "dedupe_window", "allow_unsafe_filesystem"};
constexpr std::string_view destination_keys[] = {"url",
                                                 "url_file",
                                                 "schema",
                                                 "migrate",
                                                 "connections",
                                                 "drain",
                                                 "economy_window",
                                                 "idle_close",
                                                 "batch_entries",
                                                 "batch_bytes",
                                                 "connect_timeout",
                                                 "deliver_timeout",
                                                 "backoff_initial",
                                                 "backoff_max",
                                                 "shutdown_timeout"};
constexpr std::string_view admin_keys[] = {"listen", "token", "token_file"};
constexpr std::string_view token_keys[] = {"name", "secret", "secret_file"};
constexpr std::string_view log_keys[] = {"level", "format"};
constexpr std::string_view source_keys[] = {"name",
                                            "provider",
                                            "path",
                                            "secrets",
                                            "secrets_file",
                                            "verify_token",
                                            "verify_token_file",
                                            "dedupe",
                                            "order_by",
                                            "token_header",
                                            "max_body",
                                            "public_url",
                                            "write",
                                            "header",
                                            "algorithm",
                                            "encoding",
                                            "prefix",
                                            "template",
                                            "timestamp_header",
                                            "id_header",
                                            "tolerance",
                                            "secret_encoding",
                                            "allow_unverified"};
constexpr std::string_view write_keys[] = {"statement", "parameters", "when"};

constexpr KeyTable tables[] = {{"ingress", "[ingress]", ingress_keys},
                               {"outbox", "[outbox]", outbox_keys},
                               {"destination", "[destination]", destination_keys},
                               {"admin", "[admin]", admin_keys},
                               {"token", "[[admin.token]]", token_keys, true},
                               {"log", "[log]", log_keys},
                               {"source", "[[source]]", source_keys},
                               {"write", "a statement of write = [{ … }]", write_keys, true}};

/// Insertions, deletions, changes and swaps of neighbours that turn one word into the other.
/// Source: optimal string alignment distance (Damerau 1964).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

/// A key of a file may be of any length; the table above would be too large for a long one.
constexpr std::size_t word_bytes_max = 64;

}  // namespace

std::span<const KeyTable> key_tables() {
  return tables;
}

const KeyTable& key_table(std::string_view section) {
  const auto* found = std::ranges::find(tables, section, &KeyTable::section);
  HOLDFAST_CHECK(found != std::end(tables), "a section that the file format does not have");
  return *found;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > word_bytes_max) return {};
  std::string_view best;
  // A third of the letters may be wrong: more than that and the guess would mislead.
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (const auto near = nearest(word, candidates); !near.empty())
    return std::format("did you mean \"{}\"?", near);
  std::string list;
  for (const auto candidate : candidates) {
    if (!list.empty()) list += ", ";
    list += candidate;
  }
  return "known here: " + list;
}

std::string unknown_key_message(std::string_view section, std::string_view key) {
  const auto& table = key_table(section);
  if (nearest(key, table.keys).empty()) {
    for (const auto& other : tables)
      if (std::ranges::contains(other.keys, key))
        return std::format("unknown key; it belongs in {}", other.written);
  }
  return "unknown key; " + suggestion(key, table.keys);
}

}  // namespace holdfast::config
