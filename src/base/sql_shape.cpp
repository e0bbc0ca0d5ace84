#include "base/sql_shape.hpp"

#include <algorithm>
#include <array>

namespace holdfast::base {
namespace {

using Tokens = std::span<const SqlToken>;

/// What may stand before a parenthesis in a statement for many rows: functions of Postgres that
/// neither read a table nor count, types with a modifier, and words of the grammar. Any other may
/// be a function whose result depends on the rows before.
bool is_harmless_before_parenthesis(std::string_view word) {
  static constexpr auto words = std::to_array<std::string_view>({"coalesce",
                                                                 "nullif",
                                                                 "greatest",
                                                                 "least",
                                                                 "lower",
                                                                 "upper",
                                                                 "trim",
                                                                 "btrim",
                                                                 "ltrim",
                                                                 "rtrim",
                                                                 "left",
                                                                 "right",
                                                                 "length",
                                                                 "substring",
                                                                 "position",
                                                                 "replace",
                                                                 "split_part",
                                                                 "concat",
                                                                 "concat_ws",
                                                                 "md5",
                                                                 "encode",
                                                                 "decode",
                                                                 "now",
                                                                 "to_timestamp",
                                                                 "to_date",
                                                                 "to_number",
                                                                 "to_char",
                                                                 "make_timestamptz",
                                                                 "date_trunc",
                                                                 "extract",
                                                                 "gen_random_uuid",
                                                                 "jsonb_build_object",
                                                                 "jsonb_build_array",
                                                                 "to_jsonb",
                                                                 "abs",
                                                                 "round",
                                                                 "floor",
                                                                 "ceil",
                                                                 "trunc",
                                                                 "cast",
                                                                 "numeric",
                                                                 "decimal",
                                                                 "float",
                                                                 "varchar",
                                                                 "char",
                                                                 "character",
                                                                 "varying",
                                                                 "bit",
                                                                 "timestamp",
                                                                 "timestamptz",
                                                                 "time",
                                                                 "timetz",
                                                                 "interval",
                                                                 "in",
                                                                 "and",
                                                                 "or",
                                                                 "not",
                                                                 "case",
                                                                 "when",
                                                                 "then",
                                                                 "else",
                                                                 "array",
                                                                 "row",
                                                                 "any",
                                                                 "all",
                                                                 "between",
                                                                 "like",
                                                                 "ilike",
                                                                 "is",
                                                                 "from",
                                                                 "for",
                                                                 "on",
                                                                 "conflict",
                                                                 "constraint",
                                                                 "set",
                                                                 "where",
                                                                 "update",
                                                                 "returning"});
  return std::ranges::contains(words, word);
}

/// No query, which could read the table that is written to, and no call but the harmless ones. WITH
/// needs one of these words, too, and stands in names of types.
bool reads_no_table(Tokens tokens) {
  static constexpr std::array<std::string_view, 3> queries{"select", "values", "table"};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (std::ranges::contains(queries, tokens[i].word)) return false;
    if (i + 1 == tokens.size() || !is_symbol(tokens[i + 1], '(')) continue;
    const bool qualified = i > 0 && is_symbol(tokens[i - 1], '.');
    const bool named = tokens[i].kind == SqlTokenKind::word;
    if (tokens[i].kind == SqlTokenKind::quoted_name) return false;
    if (named && (qualified || !is_harmless_before_parenthesis(tokens[i].word))) return false;
  }
  return true;
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
    const Tokens tail = tokens_.subspan(last);
    const bool apart = !has_parameters(tokens_.first(first)) && !has_parameters(tail);
    if (!ends || !apart || names_default(inside) || !reads_no_table(inside) ||
        !reads_no_table(tail))
      return std::nullopt;
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
  /// DEFAULT exists in VALUES alone.
  static bool names_default(Tokens inside) {
    return std::ranges::any_of(inside, [](const auto& token) { return is_word(token, "default"); });
  }
  static bool has_parameters(Tokens tokens) {
    return std::ranges::contains(tokens, SqlTokenKind::parameter, &SqlToken::kind);
  }

  std::string_view text_;
  Tokens tokens_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<BatchShape> batch_shape(std::string_view text, std::span<const SqlToken> tokens) {
  return ShapeReader(text, tokens).read();
}

}  // namespace holdfast::base
