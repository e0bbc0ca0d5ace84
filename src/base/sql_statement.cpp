#include "base/sql_statement.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <set>
#include <span>
#include <vector>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/sql_lexer.hpp"
#include "base/sql_shape.hpp"

namespace holdfast::base {
namespace {

using Tokens = std::span<const SqlToken>;
using Fault = std::optional<std::string>;

/// What follows a first semicolon may only be more of them.
Fault fault_of_end(Tokens& tokens) {
  const auto is_end = [](const SqlToken& token) { return is_symbol(token, ';'); };
  const auto end = std::ranges::find_if(tokens, is_end);
  const auto length = static_cast<std::size_t>(end - tokens.begin());
  if (!std::ranges::all_of(tokens.subspan(length), is_end))
    return "it holds more than one statement; write each as a statement of its own";
  tokens = tokens.first(length);
  return std::nullopt;
}

Fault fault_of_kind(Tokens tokens) {
  static constexpr std::array<std::string_view, 7> kinds{"insert", "update", "delete", "merge",
                                                         "select", "with",   "call"};
  if (tokens.empty()) return "it is empty; write an SQL statement";
  if (std::ranges::contains(kinds, tokens[0].word)) return std::nullopt;
  return std::format(
      "it begins with {}; begin it with INSERT, UPDATE, DELETE, MERGE, SELECT, WITH or CALL",
      tokens[0].word.empty() ? "something that is no word" : tokens[0].word);
}

/// SELECT with INTO makes a table. Elsewhere INTO follows these words alone; behind AS or a dot it
/// is a name.
Fault fault_of_into(Tokens tokens) {
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    const SqlToken& before = tokens[i - 1];
    const bool fits = is_word(before, "insert") || is_word(before, "merge") ||
                      is_word(before, "as") || is_symbol(before, '.');
    if (is_word(tokens[i], "into") && !fits)
      return "SELECT … INTO makes a new table; make the table before, and write INSERT INTO … "
             "SELECT";
  }
  return std::nullopt;
}

/// What these leave behind in the session meets other sources and, behind a pooler, other programs.
Fault fault_of_session_state(Tokens tokens) {
  static constexpr std::array<std::string_view, 5> calls{
      "set_config", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock",
      "pg_try_advisory_lock_shared"};
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const std::string& word = tokens[i].word;
    if (!is_symbol(tokens[i + 1], '(') || !std::ranges::contains(calls, word)) continue;
    return std::format("{} changes the session, which others use, too; {}", word,
                       word == "set_config"
                           ? "leave it out, and give a function its settings with ALTER FUNCTION"
                           : "take the lock of the transaction, such as pg_advisory_xact_lock");
  }
  return std::nullopt;
}

Fault fault_of_nesting(Tokens tokens) {
  std::string open;
  for (const auto& token : tokens) {
    const char symbol = token.symbol;
    if (symbol == '(') open += ')';
    if (symbol == '[') open += ']';
    if (symbol != ')' && symbol != ']') continue;
    if (open.empty() || open.back() != symbol)
      return std::format("a {} closes nothing; check the parentheses", symbol);
    open.pop_back();
  }
  if (!open.empty()) return std::format("a {} is missing; check the parentheses", open.back());
  return std::nullopt;
}

std::set<std::size_t> parameters_of(Tokens tokens) {
  std::set<std::size_t> numbers;
  for (const auto& token : tokens)
    if (token.kind == SqlTokenKind::parameter) numbers.insert(token.number);
  return numbers;
}

}  // namespace

std::expected<SqlStatement, std::string> read_sql_statement(std::string_view text) {
  if (text.contains('\0') || !is_utf8(text))
    return std::unexpected(std::string("it holds a NUL or is not UTF-8; write it as plain text"));
  const auto all = sql_tokens(text);
  if (!all) return std::unexpected(all.error());
  Tokens tokens(*all);
  if (auto fault = fault_of_end(tokens)) return std::unexpected(std::move(*fault));
  if (auto fault = fault_of_kind(tokens)) return std::unexpected(std::move(*fault));
  if (auto fault = fault_of_nesting(tokens)) return std::unexpected(std::move(*fault));
  if (auto fault = fault_of_into(tokens)) return std::unexpected(std::move(*fault));
  if (auto fault = fault_of_session_state(tokens)) return std::unexpected(std::move(*fault));
  const auto numbers = parameters_of(tokens);
  const std::size_t largest = numbers.empty() ? 0 : *numbers.rbegin();
  for (std::size_t n = 1; n <= largest; ++n)
    if (!numbers.contains(n))
      return std::unexpected(
          std::format("it uses ${} but not ${}; number the parameters $1, $2, …", largest, n));
  return SqlStatement{largest, batch_shape(text, tokens)};
}

std::string values_with_columns(std::string_view text, const BatchShape& shape,
                                std::string_view alias) {
  const auto tokens = sql_tokens(text);
  HOLDFAST_CHECK(tokens.has_value(), "a statement that was read before");
  std::string values;
  std::size_t copied = 0;
  for (const auto& token : *tokens) {
    if (token.at < shape.values_at || token.end > shape.values_end) continue;
    if (copied == 0 && is_symbol(token, '(')) copied = token.end;
    if (token.kind != SqlTokenKind::parameter) continue;
    values += text.substr(copied, token.at - copied);
    values += std::format("{}.p{}", alias, token.number);
    copied = token.end;
  }
  values += text.substr(copied, shape.values_end - 1 - copied);
  return values;
}

}  // namespace holdfast::base
