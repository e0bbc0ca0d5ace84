#include "base/sql_lexer.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <optional>

namespace holdfast::base {
namespace {

/// The protocol counts parameters in 16 bits.
constexpr std::size_t parameter_max = 65'535;

bool is_space(char c) {
  return std::string_view(" \t\n\r\f\v").contains(c);
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_tag_part(char c) {
  return is_name_start(c) || is_digit(c);
}
bool is_name_part(char c) {
  return is_tag_part(c) || c == '$';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::expected<std::vector<SqlToken>, std::string> run() {
    while (fault_.empty() && skip_space()) {
      token_ = SqlToken();
      token_.at = at_;
      read_token();
      token_.end = at_;
      tokens_.push_back(std::move(token_));
    }
    if (!fault_.empty()) return std::unexpected(std::move(fault_));
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  template <class P>
  void skip_while(P&& part) {
    while (!at_end() && part(text_[at_])) ++at_;
  }
  void skip_line() {
    skip_while([](char c) { return c != '\n' && c != '\r'; });
  }

  /// False at the end of the text.
  bool skip_space() {
    for (;;) {
      skip_while(is_space);
      if (peek() == '-' && peek(1) == '-') {
        skip_line();
      } else if (peek() == '/' && peek(1) == '*') {
        skip_comment();
      } else {
        return !at_end() && fault_.empty();
      }
    }
  }
  void skip_comment() {
    std::size_t depth = 0;
    do {
      const bool opens = peek() == '/' && peek(1) == '*';
      const bool closes = peek() == '*' && peek(1) == '/';
      if (opens) ++depth;
      if (closes) --depth;
      at_ += opens || closes ? 2 : 1;
    } while (depth > 0 && !at_end());
    if (depth > 0) fault_ = "a comment is not closed; end it with */";
  }

  void read_token() {
    const char c = peek();
    if (c == '\'') return read_text(false);
    if (c == '"') return read_quoted_name();
    if (c == '$' && (peek(1) == '$' || is_name_start(peek(1))) && read_dollar_quoted()) return;
    if (c == '$' && is_digit(peek(1))) return read_parameter();
    if (is_name_start(c)) return read_word();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      token_.kind = SqlTokenKind::number;
      return skip_while([](char d) { return is_tag_part(d) || d == '.'; });
    }
    token_.kind = SqlTokenKind::symbol;
    token_.symbol = c;
    ++at_;
  }

  void read_word() {
    if (std::string_view("eEbBxXnN").contains(peek()) && peek(1) == '\'') {
      const bool escapes = peek() == 'e' || peek() == 'E';
      ++at_;
      return read_text(escapes);
    }
    if ((peek() == 'u' || peek() == 'U') && peek(1) == '&' && peek(2) == '\'') {
      at_ += 2;
      return read_text(false);
    }
    token_.kind = SqlTokenKind::word;
    skip_while(is_name_part);
    token_.word = text_.substr(token_.at, at_ - token_.at);
    std::ranges::transform(token_.word, token_.word.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  }

  /// Literals that only a new line stands between are one, with the escapes of the first.
  void read_text(bool escapes) {
    token_.kind = SqlTokenKind::text;
    do {
      for (++at_; !at_end() && !(peek() == '\'' && peek(1) != '\''); ++at_)
        if (peek() == '\'' || (escapes && peek() == '\\')) ++at_;
      if (at_end()) fault_ = "a text is not closed; end it with ', and double a ' inside of it";
      ++at_;
    } while (fault_.empty() && continues());
    at_ = std::min(at_, text_.size());
  }
  bool continues() {
    const std::size_t start = at_;
    bool new_line = false;
    for (;;) {
      skip_while([&](char c) {
        new_line = new_line || c == '\n' || c == '\r';
        return is_space(c);
      });
      if (peek() != '-' || peek(1) != '-') break;
      skip_line();
    }
    if (new_line && peek() == '\'') return true;
    at_ = start;
    return false;
  }

  void read_quoted_name() {
    token_.kind = SqlTokenKind::quoted_name;
    for (++at_; !at_end() && !(peek() == '"' && peek(1) != '"'); ++at_)
      if (peek() == '"') ++at_;
    if (at_end()) fault_ = "a quoted name is not closed; end it with \"";
    at_ = std::min(at_ + 1, text_.size());
  }

  /// False if no tag begins here, but a lone "$".
  bool read_dollar_quoted() {
    std::size_t tag_end = at_ + 1;
    while (tag_end < text_.size() && is_tag_part(text_[tag_end])) ++tag_end;
    if (tag_end == text_.size() || text_[tag_end] != '$') return false;
    const std::string_view tag = text_.substr(at_, tag_end + 1 - at_);
    const auto close = text_.find(tag, tag_end + 1);
    token_.kind = SqlTokenKind::text;
    if (close == std::string_view::npos)
      fault_ = std::format("a text is not closed; end it with {}", tag);
    at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
    return true;
  }

  void read_parameter() {
    token_.kind = SqlTokenKind::parameter;
    ++at_;
    skip_while(is_name_part);
    const std::string_view digits = text_.substr(token_.at + 1, at_ - token_.at - 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), token_.number);
    if (error != std::errc() || end != digits.data() + digits.size() || token_.number == 0 ||
        token_.number > parameter_max)
      fault_ = std::format("${} is no parameter; number them $1, $2, …", digits);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  SqlToken token_;
  std::vector<SqlToken> tokens_;
  std::string fault_;
};

}  // namespace

std::expected<std::vector<SqlToken>, std::string> sql_tokens(std::string_view text) {
  return Lexer(text).run();
}

}  // namespace holdfast::base
