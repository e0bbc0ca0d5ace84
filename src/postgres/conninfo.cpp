#include "postgres/conninfo.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <ranges>
#include <string_view>

#include "base/encoding.hpp"

namespace holdfast::postgres {
namespace {

using Options = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;

/// What the user's string has, and nothing else: no default of libpq, no environment variable.
std::expected<std::map<std::string, std::string>, Failure> parse(const std::string& text) {
  char* error = nullptr;
  const Options options(PQconninfoParse(text.c_str(), &error), PQconninfoFree);
  // The reason quotes the string, which holds the password.
  PQfreemem(error);
  if (!options)
    return std::unexpected(Failure{
        FailureKind::refused,
        "reading destination.url: it is neither a libpq URL nor a key=value string; write it as "
        "postgresql://USER:PASSWORD@HOST/DATABASE, with special characters as %XX"});
  std::map<std::string, std::string> values;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) values[option->keyword] = option->val;
  return values;
}

/// connect_timeout as libpq reads it: whole seconds, at least 2; 0 or less means for ever, which a
/// relay cannot wait, so the configured limit stands.
std::chrono::milliseconds connect_timeout(const std::map<std::string, std::string>& values,
                                          std::chrono::milliseconds configured) {
  const auto found = values.find("connect_timeout");
  if (found == values.end()) return configured;
  int seconds = 0;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), seconds);
  if (seconds <= 0) return configured;
  return std::chrono::seconds(std::max(seconds, 2));
}

/// libpq looks at it when it connects; here it is found before anything starts. One for all hosts
/// or one each, separated by commas; an empty one is the default.
bool is_port_list(std::string_view list) {
  constexpr unsigned port_max = 65'535;
  return std::ranges::all_of(std::views::split(list, ','), [](const auto range) {
    const auto text = base::trim_blanks(std::string_view(range));
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return text.empty() || (error == std::errc{} && end == text.data() + text.size() && port > 0 &&
                            port <= port_max);
  });
}

}  // namespace

std::expected<Conninfo, Failure> parse_conninfo(const DestinationConfig& config) {
  auto values = parse(config.url.reveal());
  if (!values) return std::unexpected(values.error());
  if (const auto port = values->find("port"); port != values->end() && !is_port_list(port->second))
    return std::unexpected(
        Failure{FailureKind::refused,
                "reading destination.url: the port is no number from 1 to 65535; correct it"});
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> defaults{{
      {"application_name", "holdfast"},
      {"gssencmode", "disable"},
      {"keepalives", "1"},
      {"keepalives_idle", "30"},
      {"keepalives_interval", "10"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "30000"},
  }};
  for (const auto& [key, value] : defaults) values->try_emplace(std::string(key), value);
  (*values)["client_encoding"] = "UTF8";
  Conninfo conninfo;
  conninfo.connect_timeout = connect_timeout(*values, config.connect_timeout);
  const auto names_several = [&](const char* key) {
    const auto found = values->find(key);
    return found != values->end() && found->second.contains(',');
  };
  conninfo.several_hosts = names_several("host") || names_several("hostaddr");
  // One name of many addresses: begin with any of them, so that one that swallows packets does not
  // swallow every attempt. The order of several hosts is the user's.
  if (!conninfo.several_hosts) values->try_emplace("load_balance_hosts", "random");
  conninfo.parameters.assign(values->begin(), values->end());
  return conninfo;
}

}  // namespace holdfast::postgres
