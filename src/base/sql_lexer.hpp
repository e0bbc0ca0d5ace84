#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// The tokens of an SQL text, as PostgreSQL reads it with standard_conforming_strings. Pure.
/// Source: PostgreSQL 17, section 4.1 and scan.l.
namespace holdfast::base {

enum class SqlTokenKind { word, quoted_name, text, number, parameter, symbol };

struct SqlToken {
  SqlTokenKind kind = SqlTokenKind::symbol;
  std::size_t at = 0;
  std::size_t end = 0;
  std::string word;        ///< Lower case; words only.
  std::size_t number = 0;  ///< Of a parameter.
  char symbol = '\0';      ///< One character; operators of several are several tokens.
};

[[nodiscard]] inline bool is_symbol(const SqlToken& token, char symbol) {
  return token.kind == SqlTokenKind::symbol && token.symbol == symbol;
}
/// `word` in lower case.
[[nodiscard]] inline bool is_word(const SqlToken& token, std::string_view word) {
  return token.kind == SqlTokenKind::word && token.word == word;
}

/// All tokens without white space and comments. The error is a sentence that says what to change.
[[nodiscard]] std::expected<std::vector<SqlToken>, std::string> sql_tokens(std::string_view text);

}  // namespace holdfast::base
