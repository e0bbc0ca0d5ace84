#include "base/json_pointer.hpp"

#include <simdjson.h>
#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>

#include "base/json_string.hpp"

namespace holdfast::base {
namespace {

constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// long double, because a number such as 1e999, which jsonb takes, must not spoil its document.
using WideJson = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                      std::uint64_t, long double>;

/// Steps over the values of a document that is known to be valid, so it looks only for ends.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip_white_space() { at_ = std::min(text_.find_first_not_of(white_space, at_), end()); }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void advance() { ++at_; }

  /// Steps over the value that starts here and returns it.
  std::string_view value() {
    skip_white_space();
    const std::size_t start = at_;
    if (peek() == '"') {
      skip_string();
    } else if (peek() == '{' || peek() == '[') {
      skip_container();
    } else {
      at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), end());
    }
    return text_.substr(start, at_ - start);
  }

 private:
  [[nodiscard]] std::size_t end() const { return text_.size(); }

  void skip_string() {
    ++at_;
    auto quote = text_.find('"', at_);
    while (quote != std::string_view::npos) {
      const auto escape = text_.substr(0, quote).find('\\', at_);
      if (escape == std::string_view::npos) {
        at_ = quote + 1;
        return;
      }
      // It takes the character behind it, which may be the quote.
      at_ = escape + 2;
      if (quote < at_) quote = text_.find('"', at_);
    }
    at_ = end();
  }
  void skip_container() {
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      advance();
    } while (depth > 0 && at_ < end());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_name(std::string_view source_text, std::string_view token) {
  const auto content = source_text.substr(1, source_text.size() - 2);
  if (!content.contains('\\')) return content == token;
  return json_string(source_text) == token;
}

std::vector<std::string_view> members(std::string_view object, std::string_view token) {
  std::vector<std::string_view> found;
  Scanner scanner(object);
  scanner.advance();
  for (scanner.skip_white_space(); scanner.peek() == '"'; scanner.skip_white_space()) {
    const auto name = scanner.value();
    scanner.skip_white_space();
    scanner.advance();  // ":"
    const auto value = scanner.value();
    if (is_name(name, token)) found.push_back(value);
    scanner.skip_white_space();
    if (scanner.peek() != ',') break;
    scanner.advance();
  }
  return found;
}

std::optional<std::string_view> last_member(std::string_view object, std::string_view token) {
  const auto found = members(object, token);
  if (found.empty()) return std::nullopt;
  return found.back();
}

std::optional<std::string_view> element(std::string_view array, const std::string& token) {
  Scanner scanner(array);
  scanner.advance();
  scanner.skip_white_space();
  for (std::size_t index = 0; scanner.peek() != ']' && scanner.peek() != '\0'; ++index) {
    const auto value = scanner.value();
    if (token == std::to_string(index)) return value;
    scanner.skip_white_space();
    if (scanner.peek() != ',') break;
    scanner.advance();
    scanner.skip_white_space();
  }
  return std::nullopt;
}

/// The document's one value, without what may stand around it.
std::string_view root_of(std::string_view document) {
  if (document.starts_with(byte_order_mark)) document.remove_prefix(byte_order_mark.size());
  document.remove_prefix(std::min(document.find_first_not_of(white_space), document.size()));
  return document.substr(0, document.find_last_not_of(white_space) + 1);
}

/// Most documents are small and hold nothing odd: the fast parser takes them, and costs a tenth.
/// What it does not take (wide numbers, half surrogate pairs, deep nesting) is for the other one to
/// judge.
bool is_plain_json(std::string_view text) {
  // It works with ten times the bytes of its text, which each thread keeps.
  constexpr std::size_t bytes_max = 64 * 1024;
  if (text.size() > bytes_max) return false;
  thread_local simdjson::dom::parser parser;
  thread_local std::string padded;
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded = text;
  return parser.parse(padded.data(), padded.size(), false).error() == simdjson::SUCCESS;
}

bool is_number(std::string_view text) {
  return !text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9'));
}

}  // namespace

std::optional<JsonPointer> parse_json_pointer(std::string_view pointer) {
  JsonPointer tokens;
  if (pointer.empty()) return tokens;
  if (pointer.front() != '/') return std::nullopt;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] != '~') {
      tokens.back() += pointer[i];
    } else {
      ++i;
      if (i == pointer.size() || (pointer[i] != '0' && pointer[i] != '1')) return std::nullopt;
      tokens.back() += pointer[i] == '0' ? '~' : '/';
    }
  }
  return tokens;
}

bool is_json(std::string_view text) {
  // The parser takes a NUL byte for the end of its input.
  if (text.contains('\0')) return false;
  if (is_plain_json(text)) return true;
  if (WideJson::accept(text.begin(), text.end())) return true;
  return text.contains("\\u") && WideJson::accept(with_whole_characters(text));
}

std::optional<std::string_view> json_text_at(std::string_view document,
                                             const JsonPointer& pointer) {
  std::optional<std::string_view> value = root_of(document);
  for (const auto& token : pointer) {
    if (value->starts_with('{')) {
      value = last_member(*value, token);
    } else if (value->starts_with('[')) {
      value = element(*value, token);
    } else {
      value = std::nullopt;
    }
    if (!value) break;
  }
  return value;
}

std::vector<std::string_view> json_members(std::string_view document, std::string_view name) {
  const auto root = root_of(document);
  if (!root.starts_with('{')) return {};
  return members(root, name);
}

std::optional<std::string> json_string(std::string_view text) {
  return string_content(text, Halves::replaced);
}

std::optional<std::string> json_scalar(std::string_view text) {
  if (is_number(text)) return std::string(text);
  return string_content(text, Halves::kept);
}

std::optional<std::string> json_scalar_at(std::string_view document, const JsonPointer& pointer) {
  if (!is_json(document)) return std::nullopt;
  const auto text = json_text_at(document, pointer);
  if (!text) return std::nullopt;
  return json_scalar(*text);
}

}  // namespace holdfast::base
