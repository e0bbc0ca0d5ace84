#include <algorithm>
#include <format>
#include <optional>
#include <string>
#include <utility>

#include "config/secret_rules.hpp"
#include "config/sections.hpp"

/// The admin listener: one token without a name, or a list of tokens with one each.
namespace holdfast::config {
namespace {

constexpr std::size_t token_name_bytes_max = 64;

/// A token that a client can send in a header; nullopt if there is none, or none that can be used.
std::optional<Secret> read_token(TableReader& reader, const std::string& key) {
  auto value = reader.secret(key);
  if (!value) return std::nullopt;
  const std::string file_key = key + "_file";
  const auto& shown = reader.has(file_key) ? file_key : key;
  const bool sendable = std::ranges::all_of(*value, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!sendable) {
    reader.error(shown,
                 "holds a space, control or non-ASCII character, which no client can send; check "
                 "for a stray line break");
    return std::nullopt;
  }
  if (*value == secret_mask) {
    reader.error(shown, std::string(mask_message));
    return std::nullopt;
  }
  return Secret(*std::move(value));
}

bool is_token_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@';
  };
  return !name.empty() && name.size() <= token_name_bytes_max && std::ranges::all_of(name, fits);
}

/// The name is what the audit log shows, so each is there once, and so is each secret.
void read_named_token(TableReader& reader, AdminConfig& admin) {
  const auto name = reader.text("name");
  auto secret = read_token(reader, "secret");
  if (!reader.has("name")) return reader.error("name", "is missing; the audit log shows it");
  if (!reader.has("secret") && !reader.has("secret_file"))
    return reader.error("secret", "is missing; write secret or secret_file");
  if (!name || !secret) return;
  if (secret->empty()) return reader.error("secret", "is empty; everybody would have it");
  if (!is_token_name(*name))
    return reader.error("name", "is no name; use 1 to 64 letters, digits and the signs . _ - @");
  if (std::ranges::contains(admin.tokens, *name, &AdminToken::name))
    return reader.error("name", std::format("\"{}\" is there twice; give each its own", *name));
  if (std::ranges::contains(admin.tokens, *secret, &AdminToken::secret))
    return reader.error("secret",
                        "is that of another name; the audit log could not tell them apart");
  admin.tokens.push_back({*name, *std::move(secret)});
}

void read_named_tokens(const toml::array& list, AdminConfig& admin, Loading& loading) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto shown = std::format("admin.token[{}]", i);
    if (const auto* table = list[i].as_table()) {
      TableReader reader(*table, "token", shown, loading);
      read_named_token(reader, admin);
    } else {
      loading.errors.list.push_back(
          {list[i].source().begin.line, shown, "is no table; write name and secret"});
    }
  }
}

}  // namespace

void read_admin(const toml::table& table, AdminConfig& admin, Loading& loading) {
  TableReader reader(table, "admin", "admin", loading);
  reader.read_parsed("listen", admin.listen, parse_listen);
  const auto* token = table.get("token");
  if (token != nullptr && token->is_array()) {
    if (reader.has("token_file"))
      return reader.error("token_file", "is there beside [[admin.token]]; give it a name there");
    return read_named_tokens(*token->as_array(), admin, loading);
  }
  if (token != nullptr && token->is_table())
    return reader.error("token",
                        "is a table; write a string, or [[admin.token]] with two brackets");
  // An empty one is none: "${HOLDFAST_ADMIN_TOKEN:}" is the way to leave it to the environment.
  if (auto single = read_token(reader, "token"); single && !single->empty())
    admin.tokens.push_back({std::string(unnamed_token), *std::move(single)});
}

}  // namespace holdfast::config
