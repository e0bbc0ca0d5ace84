#include "postgres/classify.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <span>

#include "base/encoding.hpp"
#include "postgres/classify_own_tables.hpp"
#include "postgres/classify_tables.hpp"

namespace holdfast::postgres {
namespace {

constexpr std::size_t message_bytes_max = 500;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) {
    return static_cast<char>(c < 0x80 ? std::tolower(c) : c);
  });
  return result;
}

struct Found {
  DeliveryClass delivery_class;
  Note note;
};

std::optional<Found> find_text(std::span<const TextRule> rules, std::string_view lower_text) {
  for (const auto& rule : rules)
    if (lower_text.contains(rule.text) && lower_text.contains(rule.also))
      return Found{rule.delivery_class, rule.note};
  return std::nullopt;
}

std::optional<Found> find_code(std::span<const CodeRule> rules, std::string_view sqlstate) {
  const CodeRule* best = nullptr;
  for (const auto& rule : rules)
    if (sqlstate.starts_with(rule.prefix) &&
        (best == nullptr || rule.prefix.size() > best->prefix.size()))
      best = &rule;
  if (best == nullptr) return std::nullopt;
  return Found{best->delivery_class, best->note};
}

/// The two codes whose meaning depends on the text although the text is the server's own.
std::optional<Found> find_special(std::string_view sqlstate, std::string_view lower_text) {
  // A plan of this session is out of date; the next session has none.
  if (sqlstate == "0A000" && lower_text.contains("cached plan must not change result type"))
    return Found{DeliveryClass::connection, Note::none};
  // A parameter of the server, not of a row.
  if (sqlstate == "22023" && lower_text.contains("parameter \""))
    return Found{DeliveryClass::config, Note::none};
  return std::nullopt;
}

std::optional<Found> find(std::string_view sqlstate, std::string_view message) {
  const std::string text = lower(message);
  if (sqlstate.empty())
    if (const auto found = find_text(libpq_text_rules, text)) return found;
  if (sqlstate.empty() || sqlstate == "XX000" || sqlstate == "08P01")
    if (const auto found = find_text(text_rules, text)) return found;
  if (const auto found = find_special(sqlstate, text)) return found;
  return find_code(code_rules, sqlstate);
}

/// "FATAL:  57P03: text" to code and text; without a code the severity alone is taken off.
ConnectError split_server_line(std::string_view line) {
  const auto colon = line.find(":  ");  // npos is beyond every severity, too.
  if (colon > 20) return {"", std::string(line)};
  const std::string_view rest = line.substr(colon + 3);
  const auto is_code = [](unsigned char c) { return std::isalnum(c) != 0 && std::islower(c) == 0; };
  if (rest.size() > 7 && rest.substr(5, 2) == ": " &&
      std::ranges::all_of(rest.substr(0, 5), is_code))
    return {std::string(rest.substr(0, 5)), std::string(rest.substr(7))};
  return {"", std::string(rest)};
}

/// `connection to server at "host" (address), port 5432 failed: reason` to the reason.
std::string_view without_address(std::string_view line) {
  if (!line.starts_with("connection to server")) return line;
  const auto at = line.find(" failed: ");
  return at == std::string_view::npos ? line : line.substr(at + 9);
}

bool is_primary(std::string_view line) {
  static constexpr std::array other{
      "DETAIL:",      "HINT:",       "CONTEXT:",     "LOCATION:", "QUERY:", "STATEMENT:",
      "SCHEMA NAME:", "TABLE NAME:", "COLUMN NAME:", "\t",        " "};
  return !line.empty() &&
         std::ranges::none_of(other, [&](const char* o) { return line.starts_with(o); });
}

int information(const ConnectError& error) {
  const Verdict verdict = classify(error.sqlstate, error.message, Phase::connect);
  switch (verdict.delivery_class) {
    case DeliveryClass::quota: return 5;
    case DeliveryClass::config: return 4;
    case DeliveryClass::defect: return 3;
    case DeliveryClass::connection: break;
    default: return 2;
  }
  // These say only that this machine has no way to one of the addresses.
  const std::string text = lower(error.message);
  return text.contains("network is unreachable") || text.contains("no route to host") ? 0 : 1;
}

bool is_any_of(std::string_view sqlstate, std::span<const std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](auto prefix) { return sqlstate.starts_with(prefix); });
}

/// True if the one quoted part of the message stands in the statement's text.
bool quotes_name_of(std::string_view statement, std::string_view message) {
  const auto first = message.find('"');
  const auto last = message.rfind('"');
  if (first == last || std::ranges::count(message, '"') != 2) return false;
  return statement.contains(message.substr(first + 1, last - first - 1));
}

void hide_between(std::string& message, char quote) {
  const auto first = message.find(quote);
  const auto last = message.rfind(quote);
  if (first != last) message.replace(first + 1, last - first - 1, "…");
}

/// Each quoted part by itself, so that what stands between two of them can still be read. Where a
/// quote has no partner, one stands inside of a name: from the first to the last then.
void hide_each(std::string& message, char quote) {
  if (std::ranges::count(message, quote) % 2 != 0) return hide_between(message, quote);
  static constexpr std::string_view hidden = "…";
  for (auto first = message.find(quote); first != std::string::npos;) {
    const auto last = message.find(quote, first + 1);
    message.replace(first + 1, last - first - 1, hidden);
    first = message.find(quote, first + hidden.size() + 2);
  }
}

/// Words that look like an address of either version become "…".
void hide_addresses(std::string& message) {
  const auto in_address = [](unsigned char c) {
    return std::isxdigit(c) != 0 || c == '.' || c == ':';
  };
  std::string result;
  for (std::size_t at = 0; at < message.size();) {
    std::size_t end = at;
    while (end < message.size() && in_address(static_cast<unsigned char>(message[end]))) ++end;
    const std::string_view word = std::string_view(message).substr(at, end - at);
    const bool hidden = std::ranges::count(word, '.') == 3 || std::ranges::count(word, ':') >= 2;
    if (end == at) end = at + 1;
    result += hidden ? std::string("…") : message.substr(at, end - at);
    at = end;
  }
  message = std::move(result);
}

}  // namespace

bool is_raised_by_function(std::string_view sqlstate) {
  return sqlstate.size() == 5 && !std::ranges::contains(postgres_classes, sqlstate.substr(0, 2));
}

Verdict classify(std::string_view sqlstate, std::string_view message, Phase phase) {
  // A trigger has refused a row, in a code that its author made up.
  if (phase == Phase::query && is_raised_by_function(sqlstate))
    return {DeliveryClass::data, false, false, false};
  const auto found = find(sqlstate, message);
  Verdict verdict;
  // Without a code libpq itself has failed, and that means the link. An unknown code is the
  // server's.
  verdict.delivery_class = found              ? found->delivery_class
                           : sqlstate.empty() ? DeliveryClass::connection
                                              : DeliveryClass::server;
  const Note note = found ? found->note : Note::none;
  const bool unreliable = verdict.delivery_class == DeliveryClass::connection ||
                          verdict.delivery_class == DeliveryClass::server ||
                          verdict.delivery_class == DeliveryClass::defect;
  verdict.slow_start = note == Note::slow_start;
  // Sending again is safe, so doubt is the cautious reading of everything that is not a clear
  // refusal.
  verdict.in_doubt =
      note == Note::in_doubt || (phase == Phase::commit && (unreliable || sqlstate.empty()));
  verdict.drop_session = unreliable || note == Note::drop_session || verdict.in_doubt ||
                         phase == Phase::connect || sqlstate.empty();
  return verdict;
}

Verdict classify_own(std::string_view sqlstate, std::string_view message, bool session_dead) {
  if (session_dead || sqlstate.empty()) return classify(sqlstate, message, Phase::connect);
  if (const auto own = find_code(own_rules, sqlstate))
    return {own->delivery_class, false, false, false};
  if (!find_code(code_rules, sqlstate)) return {DeliveryClass::data, false, false, false};
  return classify(sqlstate, message, Phase::query);
}

bool is_jsonb_failure(std::string_view sqlstate) {
  static constexpr std::array codes{"22P02", "22P05", "22003", "54000", "54001"};
  return std::ranges::contains(codes, sqlstate);
}

bool is_schema_failure(std::string_view sqlstate) {
  static constexpr std::array codes{"42P01", "42703", "42704", "42P10", "3F000", "42P02"};
  return std::ranges::contains(codes, sqlstate);
}

ConnectError most_informative(std::string_view libpq_text) {
  ConnectError best{"", "no reason given"};
  int best_information = -1;
  while (!libpq_text.empty()) {
    const auto end = std::min(libpq_text.find('\n'), libpq_text.size());
    const std::string_view line = libpq_text.substr(0, end);
    libpq_text.remove_prefix(std::min(end + 1, libpq_text.size()));
    if (!is_primary(line)) continue;
    ConnectError error = split_server_line(without_address(line));
    const int says = information(error);
    if (says <= best_information) continue;
    best_information = says;
    best = std::move(error);
  }
  best.message = without_names(best.message);
  return best;
}

std::string without_values(std::string_view sqlstate, std::string_view message) {
  static constexpr std::array<std::string_view, 5> quoting{"22", "38", "39", "P0", "XX"};
  std::string text(message);
  if (is_any_of(sqlstate, quoting) || is_raised_by_function(sqlstate)) hide_between(text, '"');
  text = base::to_postgres_text(text);
  if (text.size() <= message_bytes_max) return text;
  std::size_t end = message_bytes_max;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

std::string own_without_values(std::string_view sqlstate, std::string_view message,
                               std::string_view statement) {
  static constexpr std::array<std::string_view, 5> quoting{"22", "42601", "42602", "42622", "P0"};
  static constexpr std::array<std::string_view, 2> naming{"23", "42703"};
  std::string text(message);
  const bool named = !is_any_of(sqlstate, quoting) && quotes_name_of(statement, message);
  if (!is_any_of(sqlstate, naming) && !named) hide_between(text, '"');
  return without_values(sqlstate, text);
}

std::string without_names(std::string_view message) {
  std::string text(message);
  hide_each(text, '"');
  hide_each(text, '\'');
  hide_addresses(text);
  for (const std::string_view named : {"no such database: ", "no such user: "})
    if (const auto at = text.find(named); at != std::string::npos)
      text.replace(at + named.size(), std::string::npos, "…");
  return without_values("", text);
}

}  // namespace holdfast::postgres
