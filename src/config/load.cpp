#include "config/load.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <format>
#include <toml++/toml.hpp>

#include "config/keys.hpp"
#include "config/secret_file.hpp"
#include "config/sections.hpp"

namespace holdfast::config {
namespace {

constexpr std::size_t config_file_bytes_max = 1024 * 1024;

std::uint32_t line_of(const toml::table& root, std::string_view section, std::string_view key) {
  if (const auto* node = root[section][key].node()) return node->source().begin.line;
  if (const auto* node = root.get(section)) return node->source().begin.line;
  return 0;
}

/// Notes every top-level key that is no section.
void check_sections(const toml::table& root, Loading& loading) {
  std::vector<std::string_view> names;
  for (const auto& table : key_tables())
    if (!table.nested) names.push_back(table.section);
  for (const auto& [key, node] : root) {
    if (std::ranges::contains(names, key.str())) continue;
    std::string message = "unknown section; " + suggestion(key.str(), names);
    for (const auto& table : key_tables()) {
      if (std::ranges::contains(table.keys, key.str()))
        message = std::format("stands above the first section; it belongs in {}", table.written);
    }
    loading.errors.list.push_back(
        {key.source().begin.line, in_quotes(key.str()), std::move(message)});
  }
}

/// Calls `read` with a section that is there and is a table.
template <class Section, class Reader>
void read_section(const toml::table& root, std::string_view name, Section& section,
                  Loading& loading, Reader read) {
  const auto* node = root.get(name);
  if (node == nullptr) return;
  if (const auto* table = node->as_table()) return read(*table, section, loading);
  const bool array = node->is_array_of_tables();
  loading.errors.list.push_back({node->source().begin.line, std::string(name),
                                 array ? std::format("is written [[{0}]]; write [{0}]", name)
                                       : std::format("is {}; write [{}]", type_name(*node), name)});
}

void read_all_sources(const toml::table& root, Config& config, Loading& loading) {
  const auto* node = root.get("source");
  if (node == nullptr) {
    loading.errors.list.push_back(
        {0, "source", "there is none, so that every webhook would get 404; add a [[source]]"});
    return;
  }
  if (const auto* tables = node->as_array()) {
    if (!tables->empty()) return read_sources(*tables, config, loading);
  }
  loading.errors.list.push_back({node->source().begin.line, "source",
                                 "is no list of sources; write [[source]] above each one"});
}

/// What must hold between the listeners.
void check_listeners(const toml::table& root, const Config& config, Loading& loading) {
  const auto& admin = config.admin;
  const bool token_faulty = std::ranges::any_of(loading.errors.list, [](const ConfigError& error) {
    return error.key.starts_with("admin.token");
  });
  if (!admin.listen.is_loopback() && admin.tokens.empty() && !token_faulty)
    loading.errors.list.push_back({line_of(root, "admin", "listen"), "admin.listen",
                                   std::format("{} is not loopback and there is no token; write "
                                               "token, token_file or [[admin.token]], or listen "
                                               "on 127.0.0.1",
                                               admin.listen.to_string())});
  if (admin.listen.port != 0 && admin.listen == config.ingress.listen)
    loading.errors.list.push_back({line_of(root, "admin", "listen"), "admin.listen",
                                   std::format("{} is ingress.listen already; choose another port",
                                               admin.listen.to_string())});
}

/// Entries of one order group are delivered one after the other, whatever the connections.
void check_connections(const toml::table& root, const Config& config, Loading& loading) {
  const auto connections = config.destination.connections;
  const bool ordered = std::ranges::any_of(
      config.sources, [](const SourceConfig& source) { return !source.order_by.empty(); });
  if (ordered || connections <= config.sources.size()) return;
  loading.warnings.push_back(
      {line_of(root, "destination", "connections"), "destination.connections",
       std::format(
           "{} connections, but no source has order_by, so that each source is delivered in "
           "order by one of them: {} at the most will work; write order_by at a busy "
           "source, or fewer connections",
           connections, config.sources.size())});
}

std::expected<toml::table, ConfigErrors> parse_toml(std::string_view text,
                                                    const std::string& origin) {
  try {
    return toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    return std::unexpected(
        ConfigErrors{origin,
                     {{error.source().begin.line, "",
                       std::format("is no TOML: {}; correct the line (or the one before it)",
                                   error.description())}}});
  }
}

}  // namespace

std::optional<std::string> find_config_file(const std::optional<std::string>& chosen,
                                            const Environment& environment) {
  if (chosen) return chosen;
  if (auto named = environment("HOLDFAST_CONFIG"); named && !named->empty()) return named;
  for (const std::string path : {"holdfast.toml", "/etc/holdfast/holdfast.toml"}) {
    // One that cannot be looked at is no reason to run with the defaults: reading it will say why.
    std::error_code ignored;
    if (std::filesystem::status(path, ignored).type() != std::filesystem::file_type::not_found)
      return path;
  }
  return std::nullopt;
}

Config built_in_defaults(const Environment& environment) {
  Config config;
  config.sources.emplace_back().name = "default";
  if (auto url = environment("DATABASE_URL")) config.destination.url = Secret(*std::move(url));
  return config;
}

std::expected<Config, ConfigErrors> parse(std::string_view text, const std::string& origin,
                                          const Environment& environment) {
  auto root = parse_toml(text, origin);
  if (!root) return std::unexpected(std::move(root.error()));
  Config config;
  config.origin = origin;
  ConfigErrors errors{origin, {}};
  Loading loading{environment, errors, config.warnings};
  check_sections(*root, loading);
  read_section(*root, "ingress", config.ingress, loading, read_ingress);
  read_section(*root, "outbox", config.outbox, loading, read_outbox);
  read_section(*root, "destination", config.destination, loading, read_destination);
  read_section(*root, "admin", config.admin, loading, read_admin);
  read_section(*root, "log", config.log, loading, read_log);
  read_all_sources(*root, config, loading);
  check_listeners(*root, config, loading);
  check_connections(*root, config, loading);
  std::ranges::stable_sort(config.warnings, {}, &ConfigWarning::line);
  if (errors.list.empty()) return config;
  // What no line is to blame for comes last: it may well be a consequence of a line.
  std::ranges::stable_sort(errors.list, {}, [](const ConfigError& error) {
    return std::pair(error.line == 0, error.line);
  });
  return std::unexpected(std::move(errors));
}

std::expected<Config, ConfigErrors> load(const std::string& path, const Environment& environment) {
  const auto text = read_small_file(path, config_file_bytes_max);
  if (!text) return std::unexpected(ConfigErrors{path, {{0, "", text.error()}}});
  return parse(*text, path, environment);
}

std::expected<Config, ConfigErrors> load_chosen(const std::optional<std::string>& chosen,
                                                const Environment& environment) {
  const auto path = find_config_file(chosen, environment);
  if (!path) return built_in_defaults(environment);
  return load(*path, environment);
}

}  // namespace holdfast::config
