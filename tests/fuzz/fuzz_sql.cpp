// A user's SQL statement: its tokens, what is known of it, and its form for many rows.

#include <algorithm>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/sql_lexer.hpp"
#include "base/sql_shape.hpp"
#include "base/sql_statement.hpp"
#include "fuzz/target.hpp"

namespace holdfast::fuzz {
namespace {

using base::SqlTokenKind;

void check_tokens(std::string_view text, const std::vector<base::SqlToken>& tokens) {
  std::size_t end = 0;
  for (const auto& token : tokens) {
    HOLDFAST_CHECK(token.at >= end && token.end > token.at && token.end <= text.size(),
                   "tokens follow each other");
    const auto between = text.substr(end, token.at - end);
    const auto start = between.find_first_not_of(" \t\n\r\f\v");
    HOLDFAST_CHECK(start == std::string_view::npos || between.substr(start).starts_with("--") ||
                       between.substr(start).starts_with("/*"),
                   "only white space and comments are left out");
    const auto written = text.substr(token.at, token.end - token.at);
    if (token.kind == SqlTokenKind::word)
      HOLDFAST_CHECK(base::equal_ignore_case(token.word, written), "a word is what is written");
    if (token.kind == SqlTokenKind::symbol)
      HOLDFAST_CHECK(written == std::string(1, token.symbol), "a symbol is one character");
    if (token.kind == SqlTokenKind::parameter)
      HOLDFAST_CHECK(written.starts_with('$') && written.size() > 1, "a parameter is $n");
    end = token.end;
  }
}

void check_batch(std::string_view text, const base::BatchShape& shape) {
  HOLDFAST_CHECK(shape.values_at < shape.values_end && shape.values_end <= text.size(), "inside");
  HOLDFAST_CHECK(base::equal_ignore_case(text.substr(shape.values_at, 6), "values"), "VALUES");
  HOLDFAST_CHECK(text[shape.values_end - 1] == ')', "behind the parenthesis");
  const auto columns = base::values_with_columns(text, shape, "e");
  const auto tokens = base::sql_tokens(columns);
  HOLDFAST_CHECK(tokens.has_value(), "what replaces VALUES is SQL");
  int depth = 0;
  for (const auto& token : *tokens) {
    HOLDFAST_CHECK(token.kind != SqlTokenKind::parameter, "every parameter is a column");
    if (base::is_symbol(token, '(')) ++depth;
    if (base::is_symbol(token, ')')) --depth;
    HOLDFAST_CHECK(depth >= 0, "parentheses stay in pairs");
    HOLDFAST_CHECK(!base::is_word(token, "select") && !base::is_symbol(token, ';'), "no query");
  }
  HOLDFAST_CHECK(depth == 0, "parentheses stay in pairs");
}

void check_sql(std::string_view input) {
  const auto tokens = base::sql_tokens(input);
  if (tokens) check_tokens(input, *tokens);
  const auto statement = base::read_sql_statement(input);
  if (!statement) {
    HOLDFAST_CHECK(!statement.error().empty(), "an error says what to change");
    return;
  }
  HOLDFAST_CHECK(tokens.has_value() && !tokens->empty(), "a statement has tokens");
  std::size_t largest = 0;
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const auto& token = (*tokens)[i];
    if (token.kind == SqlTokenKind::parameter) largest = std::max(largest, token.number);
    const bool ended = i > 0 && base::is_symbol((*tokens)[i - 1], ';');
    HOLDFAST_CHECK(!ended || base::is_symbol(token, ';'), "there is no second statement");
  }
  HOLDFAST_CHECK(statement->parameters == largest, "the largest parameter counts");
  if (statement->batch) check_batch(input, *statement->batch);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("sql", holdfast::fuzz::check_sql);
