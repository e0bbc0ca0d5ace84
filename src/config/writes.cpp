#include "config/writes.hpp"

#include <array>
#include <format>

#include "base/check.hpp"
#include "base/secret_headers.hpp"
#include "base/selector.hpp"
#include "base/sql_statement.hpp"
#include "config/keys.hpp"
#include "config/quantity.hpp"

namespace holdfast::config {
namespace {

constexpr std::size_t statements_max = 32;
constexpr std::size_t parameters_max = 100;
constexpr std::size_t statement_bytes_max = 64 * kib;
constexpr std::size_t selector_bytes_max = 1024;

constexpr std::array<std::string_view, 2> operation_words{"whatsapp", "twilio"};
constexpr std::string_view statement_advice =
    "{ statement = \"INSERT …\", parameters = [\"/id\"] }";

/// A word names operations of one provider. Another may bring the same payload, such as a proxy
/// that signs by a scheme of its own, but never a provider with payloads of its own.
void read_operations(TableReader& reader, SourceConfig& source) {
  const auto word = reader.word("write", operation_words);
  if (!word) return;
  source.operations = static_cast<Operations>(*word + 1);
  const auto sender = to_string(source.provider);
  const bool same = sender == operation_words[*word];
  const bool neutral = source.provider == Provider::hmac || source.provider == Provider::bearer ||
                       source.provider == Provider::none;
  if (same || neutral) return;
  const bool has_own = source.provider == Provider::whatsapp || source.provider == Provider::twilio;
  reader.warning(
      "write",
      std::format("\"{0}\" understands what provider \"{0}\" sends, and this one is \"{1}\": its "
                  "entries will be in inbox alone; {2}",
                  operation_words[*word], sender,
                  has_own ? std::format("did you mean \"{}\"?", sender)
                          : std::format("write statements: [{}]", statement_advice)));
}

/// A header that is stored as *** is of no use to a statement.
void check_secret_header(TableReader& reader, std::string_view key,
                         const base::Selector& selector) {
  const auto* const header = std::get_if<base::HeaderSelector>(&selector);
  if (header != nullptr && base::is_secret_header(header->name))
    reader.warning(key, std::format("header {} is never stored: its value reads \"***\"",
                                    in_quotes(header->name)));
}

/// How many there are; nullopt if that cannot be said.
std::optional<std::size_t> read_parameters(TableReader& reader, WriteStatement& write) {
  if (!reader.has("parameters")) return 0;
  auto parameters = reader.texts("parameters");
  if (!parameters) return std::nullopt;
  if (parameters->size() > parameters_max) {
    reader.error("parameters", std::format("has {} values; write {} at most", parameters->size(),
                                           parameters_max));
    return std::nullopt;
  }
  for (std::size_t i = 0; i < parameters->size(); ++i) {
    const std::string& text = (*parameters)[i];
    if (text.size() > selector_bytes_max)
      reader.element_error("parameters", i,
                           std::format("is longer than {} bytes", selector_bytes_max));
    else if (const auto selector = base::parse_selector(text); !selector)
      reader.element_error("parameters", i, selector.error());
    else
      check_secret_header(reader, "parameters", *selector);
  }
  write.parameters = *std::move(parameters);
  return write.parameters.size();
}

void check_count(TableReader& reader, std::size_t used, std::size_t given) {
  if (used == given) return;
  const auto values = std::format("{} value{}", given, given == 1 ? "" : "s");
  if (used == 0)
    return reader.error("parameters", std::format("has {}, and the statement uses no $1; remove "
                                                  "them, or write $1 where the first belongs",
                                                  values));
  const std::string range = used == 1 ? "$1" : std::format("$1 to ${}", used);
  reader.error(
      "parameters",
      std::format("has {}, and the statement uses {}; write one value for each", values, range));
}

/// The statement and, if it can be read, the number of its parameters.
std::optional<std::size_t> read_statement(TableReader& reader, WriteStatement& write) {
  write.line = reader.line_of("statement");
  if (!reader.has("statement")) {
    reader.error("statement", std::format("is missing; write {}", statement_advice));
    return std::nullopt;
  }
  auto text = reader.text("statement");
  if (!text) return std::nullopt;
  if (text->size() > statement_bytes_max) {
    reader.error("statement", std::format("is longer than {}; move the work into a function of the "
                                          "database and call that",
                                          size_text(statement_bytes_max)));
    return std::nullopt;
  }
  const auto parsed = base::read_sql_statement(*text);
  write.statement = *std::move(text);
  if (parsed) return parsed->parameters;
  reader.error("statement", parsed.error());
  return std::nullopt;
}

WriteStatement read_write(TableReader& reader) {
  WriteStatement write;
  const auto used = read_statement(reader, write);
  const auto given = read_parameters(reader, write);
  if (used && given) check_count(reader, *used, *given);
  if (auto when = reader.text("when"); when && !when->empty()) {
    if (when->size() > selector_bytes_max)
      reader.error("when", std::format("is longer than {} bytes", selector_bytes_max));
    else if (const auto condition = base::parse_condition(*when); !condition)
      reader.error("when", condition.error());
    else
      check_secret_header(reader, "when", condition->selector);
    write.when = *std::move(when);
  }
  return write;
}

}  // namespace

std::string_view to_string(Operations operations) {
  HOLDFAST_CHECK(operations != Operations::none, "a name is asked for where nothing is written");
  return operation_words[static_cast<std::size_t>(operations) - 1];
}

void read_writes(TableReader& reader, SourceConfig& source, Loading& loading) {
  const auto* const node = reader.find("write");
  if (node == nullptr) return;
  if (node->is_string()) return read_operations(reader, source);
  const auto* const list = node->as_array();
  if (list == nullptr)
    return reader.error(
        "write", std::format("is {}; write \"whatsapp\", \"twilio\" or a list of statements: [{}]",
                             type_name(*node), statement_advice));
  if (list->empty())
    return reader.error(
        "write", std::format("is an empty list; remove it, or write [{}]", statement_advice));
  if (list->size() > statements_max)
    return reader.error(
        "write", std::format("has {} statements; write {} at most", list->size(), statements_max));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* const table = (*list)[i].as_table();
    if (table == nullptr) {
      reader.element_error("write", i,
                           std::format("is {}; write {}", type_name((*list)[i]), statement_advice));
      continue;
    }
    TableReader inner(*table, "write", std::format("{}[{}]", reader.shown_key("write"), i),
                      loading);
    source.statements.push_back(read_write(inner));
  }
}

}  // namespace holdfast::config
