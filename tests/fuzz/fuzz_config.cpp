// A whole configuration file: it is refused with lines and reasons, or every part can start with
// it, no secret is printed, and what is printed can be read again.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "config/load.hpp"
#include "config/masked.hpp"
#include "fuzz/target.hpp"
#include "ingress/network.hpp"
#include "ingress/source.hpp"
#include "postgres/conninfo.hpp"

namespace holdfast::fuzz {
namespace {

constexpr std::string_view canary = "c4n4ry-s3cr3t";

/// An environment of our own: nothing of the machine's is read.
std::optional<std::string> variable(const std::string& name) {
  if (name == "SECRET") return std::string(canary);
  if (name == "DATABASE_URL") return "postgresql://user:" + std::string(canary) + "@localhost/db";
  return std::nullopt;
}

/// True if the file names the secret where secrets belong, and nowhere else.
bool keeps_secret(std::string_view input) {
  if (input.contains(canary)) return false;
  while (!input.empty()) {
    const auto line = take_until(input, '\n');
    const bool place = line.starts_with("secrets = [\"${") || line.starts_with("token = \"${") ||
                       line.starts_with("verify_token = \"${") || line.starts_with("url = \"${");
    if (!place && (line.contains("SECRET") || line.contains("DATABASE_URL"))) return false;
    if (place && std::ranges::count(line, '$') != 1) return false;
  }
  return true;
}

void check_errors(std::string_view input, const config::ConfigErrors& errors) {
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(input, '\n')) + 1;
  HOLDFAST_CHECK(errors.origin == "fuzz.toml" && !errors.list.empty(), "an error has its file");
  for (const auto& error : errors.list) {
    const auto line = config::to_line(errors.origin, error);
    HOLDFAST_CHECK(line.starts_with("fuzz.toml:"), "an error begins with the file");
    HOLDFAST_CHECK(!error.message.empty() && !line.contains('\n'), "and is one line");
    HOLDFAST_CHECK(error.line <= lines, "a line is one of the file's");
    HOLDFAST_CHECK(error.line > 0 || !error.key.empty() || !error.message.empty(), "it blames");
    HOLDFAST_CHECK(!keeps_secret(input) || !line.contains(canary), "no message holds a secret");
  }
}

void check_use(const Config& config) {
  const auto proxies = ingress::TrustedProxies::parse(config.ingress.trusted_proxies);
  HOLDFAST_CHECK(proxies.has_value(), "trusted_proxies are blocks");
  const auto table = ingress::SourceTable::make(config.ingress, config.sources);
  HOLDFAST_CHECK(table.has_value(), "the ingress can start with it");
  for (const auto& source : config.sources) {
    HOLDFAST_CHECK(source.provider == Provider::none || !source.secrets.empty(), "a secret each");
    const bool open = source.provider == Provider::none && !source.allow_unverified;
    HOLDFAST_CHECK(!open || config.ingress.listen.is_loopback(), "an open door is asked for");
  }
  HOLDFAST_CHECK(!config.admin.tokens.empty() || config.admin.listen.is_loopback(),
                 "admin is never open to the network");
}

/// What masking changes on purpose: "***" is no key of some providers.
bool reads_masked_secrets(const SourceConfig& source) {
  return source.provider != Provider::standard_webhooks && source.provider != Provider::sendgrid &&
         source.hmac.secret_encoding == SecretEncoding::raw;
}

/// "***" is refused where a secret is expected, so that a printed file is not mistaken for a real
/// one.
std::string with_secrets(std::string text) {
  const auto replace = [&](std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  };
  replace("url = \"***\"", "url = \"${DATABASE_URL}\"");
  replace("\"***\"", "\"${SECRET}\"");
  return text;
}

void check_masked(std::string_view input, const Config& config) {
  const auto text = config::to_masked_toml(config);
  HOLDFAST_CHECK(!keeps_secret(input) || !text.contains(canary), "a secret is masked");
  if (!std::ranges::all_of(config.sources, reads_masked_secrets)) return;
  const auto again = config::parse(with_secrets(text), "fuzz.toml", variable);
  HOLDFAST_CHECK(again.has_value(), "what is printed can be read");
  HOLDFAST_CHECK(config::to_masked_toml(*again) == text, "and says the same");
}

void check_config(std::string_view input) {
  // Keys that name files would read the machine's.
  if (input.contains("_file") || input.contains("\\u") || input.contains("\\U") ||
      input.contains("\\x"))
    return;
  const auto config = config::parse(input, "fuzz.toml", variable);
  if (!config) return check_errors(input, config.error());
  check_use(*config);
  check_masked(input, *config);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("config", holdfast::fuzz::check_config);
