#include <algorithm>
#include <format>
#include <map>

#include "config/keys.hpp"
#include "config/quantity.hpp"
#include "config/secret_file.hpp"
#include "config/sections.hpp"

namespace holdfast::config {
namespace {

constexpr std::size_t sources_max = 1000;
constexpr std::size_t secrets_max = 16;
constexpr std::string_view reserved_path = "/api/health";

/// How messages name a source: by its name where that is fit to print, else by its place in the
/// file.
std::string shown_source(const toml::table& table, std::size_t index) {
  const auto name = table["name"].value<std::string>();
  if (name && parse_source_name(*name)) return std::format("source[{}]", *name);
  return std::format("source[#{}]", index + 1);
}

/// Why a value cannot be a secret of this provider; empty if it can.
std::string_view fault_of_secret(std::string_view secret, Provider provider) {
  if (secret.empty()) return "is empty; set the variable, or remove the source";
  if (secret.find_first_of("\r\n") != std::string_view::npos)
    return "holds a line break; check how the variable is set";
  const bool sendable = std::ranges::all_of(secret, [](char c) { return c > 0x20 && c < 0x7F; });
  if (provider == Provider::bearer && !sendable)
    return "holds a space, control or non-ASCII character, which no sender can put into a header";
  return {};
}

std::optional<Provider> read_provider(TableReader& reader) {
  static constexpr std::array values{Provider::whatsapp, Provider::twilio, Provider::bearer,
                                     Provider::none};
  if (!reader.has("provider")) {
    reader.error("provider", "is missing; write whatsapp, twilio, bearer or none");
    return std::nullopt;
  }
  const auto word = reader.text("provider");
  if (!word) return std::nullopt;
  if (const auto found = std::ranges::find(providers, *word); found != providers.end())
    return values[static_cast<std::size_t>(found - providers.begin())];
  if (std::ranges::contains(later_providers, *word)) {
    reader.error("provider",
                 std::format("{} is not available in this version; available are whatsapp, "
                             "twilio, bearer and none",
                             in_quotes(*word)));
  } else {
    reader.error("provider", std::format("{} is not known; {}", in_quotes(*word),
                                         suggestion(*word, providers)));
  }
  return std::nullopt;
}

/// The secrets in `secrets` or in the file that `secrets_file` names; nullopt if a fault was noted.
std::optional<std::vector<std::string>> secret_texts(TableReader& reader) {
  const bool in_file = reader.has("secrets_file");
  if (!in_file) return reader.has("secrets") ? reader.texts("secrets") : std::vector<std::string>{};
  if (reader.has("secrets")) {
    reader.error("secrets_file", "stands beside \"secrets\"; keep one of the two");
    return std::nullopt;
  }
  const auto path = reader.text("secrets_file");
  if (!path) return std::nullopt;
  auto lines = read_secret_file(*path);
  if (!lines) {
    reader.error("secrets_file", std::format("file {} {}", in_quotes(*path), lines.error()));
    return std::nullopt;
  }
  return *std::move(lines);
}

void read_secrets(TableReader& reader, SourceConfig& source) {
  const std::string_view key = reader.has("secrets_file") ? "secrets_file" : "secrets";
  const auto texts = secret_texts(reader);
  if (!texts) return;
  if (source.provider == Provider::none) {
    if (!texts->empty())
      reader.error(key,
                   "provider \"none\" verifies nothing; remove the secrets or choose a provider");
    return;
  }
  if (texts->empty())
    return reader.error(key, std::format("provider \"{}\" needs a secret; write secrets = "
                                         "[\"${{NAME}}\"] or secrets_file",
                                         providers[static_cast<std::size_t>(source.provider)]));
  if (texts->size() > secrets_max)
    return reader.error(
        key, std::format("{} secrets are too many; write {} at most", texts->size(), secrets_max));
  for (std::size_t i = 0; i < texts->size(); ++i) {
    const auto fault = fault_of_secret((*texts)[i], source.provider);
    if (!fault.empty()) reader.error(key, std::format("secret {} {}", i + 1, fault));
    source.secrets.emplace_back((*texts)[i]);
  }
}

void read_verify_token(TableReader& reader, SourceConfig& source) {
  const bool in_file = reader.has("verify_token_file");
  if (!in_file && !reader.has("verify_token")) return;
  const std::string_view key = in_file ? "verify_token_file" : "verify_token";
  if (source.provider != Provider::whatsapp)
    return reader.error(key, "belongs to provider \"whatsapp\" alone; remove it");
  const auto value = reader.secret("verify_token");
  if (!value) return;
  if (value->empty()) return reader.error(key, "is empty; set the variable, or remove the key");
  source.verify_token = Secret(*value);
}

/// Keys that mean something for some providers only.
void check_provider_keys(TableReader& reader, const SourceConfig& source) {
  if (source.provider != Provider::bearer && reader.has("token_header"))
    reader.error("token_header", "belongs to provider \"bearer\" alone; remove it");
  if (source.provider != Provider::none && source.allow_unverified)
    reader.error("allow_unverified", "belongs to provider \"none\" alone; remove it");
}

SourceConfig read_source(TableReader& reader, const IngressConfig& ingress) {
  SourceConfig source;
  if (!reader.has("name"))
    reader.error("name", "is missing; write 1 to 64 letters, digits, _ or -");
  reader.read_parsed("name", source.name, parse_source_name);
  reader.read_parsed("path", source.path, parse_source_path);
  reader.read_parsed("dedupe", source.dedupe, parse_dedupe);
  reader.read_parsed("token_header", source.token_header, parse_header_name);
  reader.read_bool("allow_unverified", source.allow_unverified);
  if (reader.has("public_url")) {
    std::string url;
    reader.read_parsed("public_url", url, parse_public_url);
    source.public_url = std::move(url);
  }
  if (reader.has("max_body")) {
    std::uint64_t bytes = ingress.max_body_bytes;
    reader.read_size("max_body", bytes, {1, max_body_bytes_max});
    if (bytes > ingress.max_inflight_bytes)
      reader.error("max_body",
                   std::format("{} is more than ingress.max_inflight_bytes ({}), so that "
                               "a large body would never fit; write less",
                               size_text(bytes), size_text(ingress.max_inflight_bytes)));
    source.max_body_bytes = bytes;
  }
  const auto provider = read_provider(reader);
  if (!provider) return source;
  source.provider = *provider;
  read_secrets(reader, source);
  read_verify_token(reader, source);
  check_provider_keys(reader, source);
  if (source.provider == Provider::none && !source.allow_unverified &&
      !ingress.listen.is_loopback())
    reader.error(
        "provider",
        std::format("\"none\" verifies nothing and ingress.listen ({}) is not loopback; choose "
                    "a provider, or write allow_unverified = true at this source",
                    ingress.listen.to_string()));
  return source;
}

/// Names and paths seen so far, each with the line that took it.
struct Taken {
  std::map<std::string, std::uint32_t> names;
  std::map<std::string, std::uint32_t> paths;
};

void check_unique(TableReader& reader, const SourceConfig& source, std::uint32_t line,
                  Taken& taken) {
  if (source.name.empty()) return;
  if (const auto [first, fresh] = taken.names.emplace(source.name, line); !fresh)
    return reader.error("name", std::format("\"{}\" is the name of the source at line {} already; "
                                            "choose another",
                                            source.name, first->second));
  const std::string path = source.effective_path();
  if (path == reserved_path)
    return reader.error("path", std::format("{} is reserved; choose another path", reserved_path));
  if (const auto [first, fresh] = taken.paths.emplace(path, line); !fresh)
    reader.error(
        "path", std::format("{} is the path of the source at line {} already; choose another", path,
                            first->second));
}

}  // namespace

void read_sources(const toml::array& tables, Config& config, Loading& loading) {
  Taken taken;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::uint32_t line = tables[i].source().begin.line;
    const auto* table = tables[i].as_table();
    if (table == nullptr || i >= sources_max) {
      loading.errors.list.push_back(
          {line, std::format("source[#{}]", i + 1),
           table == nullptr
               ? std::format("is {}; write [[source]]", type_name(tables[i]))
               : std::format("is one too many; write {} sources at most", sources_max)});
      return;
    }
    TableReader reader(*table, "source", shown_source(*table, i), loading);
    auto source = read_source(reader, config.ingress);
    check_unique(reader, source, line, taken);
    config.sources.push_back(std::move(source));
  }
}

}  // namespace holdfast::config
