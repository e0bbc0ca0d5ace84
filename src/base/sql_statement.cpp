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

namespace holdfast::base {
namespace {

using Tokens = std::span<const SqlToken>;
using Fault = std::optional<std::string>;

bool is_symbol(const SqlToken& token, char symbol) {
  return token.kind == SqlTokenKind::symbol && token.symbol == symbol;
}
bool is_word(const SqlToken& token, std::string_view word) {
  return token.kind == SqlTokenKind::word && token.word == word;
}

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
  return "it begins with something else; begin it with INSERT, UPDATE, DELETE, MERGE, SELECT, WITH "
         "or CALL";
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

/// Reads `INSERT INTO table [AS alias] [(columns)] [OVERRIDING x VALUE] VALUES (...)`; what is
/// written otherwise has no shape.
class ShapeReader {
 public:
  ShapeReader(std::string_view text, Tokens tokens) : text_(text), tokens_(tokens) {}

  std::optional<BatchShape> read() {
    BatchShape shape;
    if (!take_word("insert") || !take_word("into") || !take_table(shape.table)) return std::nullopt;
    if (take_word("as") && !take_name()) return std::nullopt;
    if (left() > 0 && is_symbol(next(), '(') && !take_list()) return std::nullopt;
    if (take_word("overriding") &&
        (!(take_word("system") || take_word("user")) || !take_word("value")))
      return std::nullopt;
    if (left() == 0 || !is_word(next(), "values")) return std::nullopt;
    shape.values_at = next().at;
    ++at_;
    const std::size_t first = at_;
    if (!take_list()) return std::nullopt;
    const std::size_t last = at_;
    shape.values_end = tokens_[last - 1].end;
    const bool ends = left() == 0 || is_word(next(), "on") || is_word(next(), "returning");
    const Tokens inside = tokens_.subspan(first, last - first);
    const bool apart =
        parameters_of(tokens_.first(first)).empty() && parameters_of(tokens_.subspan(last)).empty();
    if (!ends || !apart || !holds_values_only(inside)) return std::nullopt;
    return shape;
  }

 private:
  [[nodiscard]] std::size_t left() const { return tokens_.size() - at_; }
  [[nodiscard]] const SqlToken& next() const { return tokens_[at_]; }

  bool take_word(std::string_view word) {
    if (left() == 0 || !is_word(next(), word)) return false;
    ++at_;
    return true;
  }
  bool take_name() {
    if (left() == 0) return false;
    if (next().kind != SqlTokenKind::word && next().kind != SqlTokenKind::quoted_name) return false;
    ++at_;
    return true;
  }
  bool take_table(std::string& table) {
    do {
      if (!take_name()) return false;
      const SqlToken& name = tokens_[at_ - 1];
      if (name.kind == SqlTokenKind::word)
        table += name.word;
      else
        table += text_.substr(name.at, name.end - name.at);
      if (left() == 0 || !is_symbol(next(), '.')) return true;
      table += '.';
      ++at_;
    } while (true);
  }
  /// From one parenthesis to the one that closes it.
  bool take_list() {
    if (left() == 0 || !is_symbol(next(), '(')) return false;
    std::size_t depth = 0;
    do {
      if (is_symbol(next(), '(')) ++depth;
      if (is_symbol(next(), ')')) --depth;
      ++at_;
    } while (depth > 0);
    return true;
  }
  /// A query inside could read the table that is written to; DEFAULT exists in VALUES alone.
  static bool holds_values_only(Tokens inside) {
    static constexpr std::array<std::string_view, 5> others{"default", "select", "values", "table",
                                                            "with"};
    return std::ranges::none_of(
        inside, [](const SqlToken& token) { return std::ranges::contains(others, token.word); });
  }

  std::string_view text_;
  Tokens tokens_;
  std::size_t at_ = 0;
};

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
  const auto numbers = parameters_of(tokens);
  const std::size_t largest = numbers.empty() ? 0 : *numbers.rbegin();
  for (std::size_t n = 1; n <= largest; ++n)
    if (!numbers.contains(n))
      return std::unexpected(
          std::format("it uses ${} but not ${}; number the parameters $1, $2, …", largest, n));
  return SqlStatement{largest, ShapeReader(text, tokens).read()};
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
