#include <algorithm>
#include <format>
#include <map>

#include "base/limits.hpp"
#include "config/hmac.hpp"
#include "config/keys.hpp"
#include "config/quantity.hpp"
#include "config/secret_file.hpp"
#include "config/secret_rules.hpp"
#include "config/sections.hpp"
#include "config/writes.hpp"

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

std::optional<Provider> read_provider(TableReader& reader) {
  if (!reader.has("provider")) {
    reader.error("provider", "is missing; " + suggestion("", provider_names));
    return std::nullopt;
  }
  return reader.word("provider", provider_names).transform([](std::size_t at) {
    return static_cast<Provider>(at);
  });
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
                                         to_string(source.provider)));
  if (texts->size() > secrets_max)
    return reader.error(
        key, std::format("{} secrets are too many; write {} at most", texts->size(), secrets_max));
  for (std::size_t i = 0; i < texts->size(); ++i) {
    const auto fault = fault_of_secret((*texts)[i], source);
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
  if (*value == secret_mask) return reader.error(key, std::string(mask_message));
  source.verify_token = Secret(*value);
}

/// Keys that mean something for some providers only.
void check_provider_keys(TableReader& reader, const SourceConfig& source) {
  if (source.provider != Provider::bearer && reader.has("token_header"))
    reader.error("token_header", "belongs to provider \"bearer\" alone; remove it");
  if (source.provider != Provider::none && source.allow_unverified)
    reader.error("allow_unverified", "belongs to provider \"none\" alone; remove it");
}

void read_max_body(TableReader& reader, SourceConfig& source, const IngressConfig& ingress) {
  if (!reader.has("max_body")) return;
  std::uint64_t bytes = ingress.max_body_bytes;
  reader.read_size("max_body", bytes, base::limits::max_body);
  if (bytes > ingress.max_inflight_bytes)
    reader.error("max_body", std::format("{} is more than ingress.max_inflight_bytes ({}), so that "
                                         "a large body would never fit; write less",
                                         size_text(bytes), size_text(ingress.max_inflight_bytes)));
  source.max_body_bytes = bytes;
}

SourceConfig read_source(TableReader& reader, const IngressConfig& ingress, Loading& loading) {
  SourceConfig source;
  if (!reader.has("name"))
    reader.error("name", "is missing; write 1 to 64 letters, digits, _ or -");
  reader.read_parsed("name", source.name, parse_source_name);
  reader.read_parsed("path", source.path, parse_source_path);
  reader.read_parsed("dedupe", source.dedupe, parse_dedupe);
  reader.read_parsed("order_by", source.order_by, parse_order_by);
  reader.read_parsed("token_header", source.token_header, parse_header_name);
  reader.read_bool("allow_unverified", source.allow_unverified);
  if (reader.has("public_url")) {
    std::string url;
    reader.read_parsed("public_url", url, parse_public_url);
    source.public_url = std::move(url);
  }
  read_max_body(reader, source, ingress);
  const auto provider = read_provider(reader);
  if (!provider) return source;
  source.provider = *provider;
  read_hmac(reader, source);
  read_writes(reader, source, loading);
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
    auto source = read_source(reader, config.ingress, loading);
    check_unique(reader, source, line, taken);
    config.sources.push_back(std::move(source));
  }
}

}  // namespace holdfast::config
