#include "postgres/operations_json.hpp"

#include <algorithm>
#include <utility>

#include "base/encoding.hpp"
#include "postgres/operations_json_text.hpp"
#include "postgres/payload.hpp"

namespace holdfast::postgres {
namespace {

constexpr std::size_t values_max = 1'000'000;

std::string_view between_quotes(std::string_view text) {
  return text.substr(1, text.size() - 2);
}

}  // namespace

/// Fills a tape.
class JsonTapeReader {
 public:
  explicit JsonTapeReader(JsonTape& tape) : tape_(tape), text_(tape.text_) {}

  /// False if the text is not one JSON value.
  bool read() {
    while (true) {
      const Step step = begin_value();
      if (step == Step::failed) return false;
      if (step == Step::opened) continue;
      const Step after = end_value();
      if (after == Step::failed) return false;
      if (after == Step::ended) return true;
    }
  }

 private:
  enum class Step { failed, opened, ended };

  void skip_white_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  JsonTape::Node& add(char kind) {
    const auto begin = static_cast<std::uint32_t>(at_);
    const auto next = static_cast<std::uint32_t>(tape_.nodes_.size() + 1);
    const auto depth = static_cast<std::uint32_t>(open_.size());
    return tape_.nodes_.emplace_back(begin, begin, next, depth, kind, false);
  }
  void close() {
    auto& node = tape_.nodes_[open_.back()];
    node.end = static_cast<std::uint32_t>(at_);
    node.next = static_cast<std::uint32_t>(tape_.nodes_.size());
    open_.pop_back();
  }
  [[nodiscard]] bool in_object() const { return tape_.nodes_[open_.back()].kind == '{'; }

  /// `opened` if a container begins here that holds something: its first value comes next.
  Step begin_value() {
    skip_white_space();
    if (tape_.nodes_.size() >= values_max) return Step::failed;
    const char c = peek();
    if (c == '"') return string() ? Step::ended : Step::failed;
    if (c != '{' && c != '[') return scalar() ? Step::ended : Step::failed;
    add(c);
    open_.push_back(static_cast<std::uint32_t>(tape_.nodes_.size() - 1));
    ++at_;
    skip_white_space();
    if (take(c == '{' ? '}' : ']')) {
      close();
      return Step::ended;
    }
    return c == '[' || name() ? Step::opened : Step::failed;
  }

  /// Behind a value: closes what ends here. `opened` if another value follows, `ended` at the end.
  Step end_value() {
    while (true) {
      skip_white_space();
      if (open_.empty()) return at_ == text_.size() ? Step::ended : Step::failed;
      if (take(',')) return !in_object() || name() ? Step::opened : Step::failed;
      if (!take(in_object() ? '}' : ']')) return Step::failed;
      close();
    }
  }

  bool name() {
    skip_white_space();
    if (!string()) return false;
    skip_white_space();
    return take(':');
  }

  bool string() {
    if (peek() != '"') return false;
    auto& node = add('"');
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] != '\\') {
        node.unfit = node.unfit || static_cast<unsigned char>(text_[at_]) < 0x20;
        ++at_;
      } else if (!escape(node)) {
        return false;
      }
    }
    if (!take('"')) return false;
    node.end = static_cast<std::uint32_t>(at_);
    return true;
  }

  bool escape(JsonTape::Node& node) {
    const auto found = read_json_escape(text_.substr(at_));
    if (!found) return false;
    node.unfit = node.unfit || found->unfit;
    at_ += found->length;
    return true;
  }

  bool scalar() {
    const auto end = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
    const auto word = text_.substr(at_, end - at_);
    const bool number = is_json_number(word);
    if (!number && word != "true" && word != "false" && word != "null") return false;
    auto& node = add(number ? '0' : word.front());
    node.unfit = number && !is_moderate_number(word);
    at_ = end;
    node.end = static_cast<std::uint32_t>(at_);
    return true;
  }

  JsonTape& tape_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::uint32_t> open_;
};

std::optional<JsonTape> JsonTape::read(std::string_view text) {
  static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  JsonTape tape;
  tape.text_ = text;
  if (!std::in_range<std::uint32_t>(text.size()) || !JsonTapeReader(tape).read())
    return std::nullopt;
  return tape;
}

bool JsonValue::is(char kind) const {
  return tape_ != nullptr && tape_->nodes_[at_].kind == kind;
}

bool JsonValue::is_object() const {
  return is('{');
}

JsonValue JsonValue::operator[](std::string_view name) const {
  JsonValue found;
  if (!is('{')) return found;
  const auto& nodes = tape_->nodes_;
  for (std::uint32_t i = at_ + 1; i < nodes[at_].next; i = nodes[i + 1].next) {
    const auto content = between_quotes(tape_->text_of(nodes[i]));
    if (content.contains('\\') ? unescaped_json(content) == name : content == name)
      found = {tape_, i + 1};
  }
  return found;
}

std::vector<JsonValue> JsonValue::elements() const {
  std::vector<JsonValue> values;
  if (!is('[')) return values;
  const auto& nodes = tape_->nodes_;
  for (std::uint32_t i = at_ + 1; i < nodes[at_].next; i = nodes[i].next)
    values.push_back({tape_, i});
  return values;
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  std::vector<std::pair<std::string, JsonValue>> all;
  if (!is('{')) return all;
  const auto& nodes = tape_->nodes_;
  for (std::uint32_t i = at_ + 1; i < nodes[at_].next; i = nodes[i + 1].next)
    all.emplace_back(unescaped_json(between_quotes(tape_->text_of(nodes[i]))),
                     JsonValue(tape_, i + 1));
  return all;
}

std::optional<std::string> JsonValue::string() const {
  if (!is('"')) return std::nullopt;
  return base::to_postgres_text(unescaped_json(between_quotes(tape_->text_of(tape_->nodes_[at_]))));
}

std::optional<std::string> JsonValue::number() const {
  if (!is('0')) return std::nullopt;
  return std::string(tape_->text_of(tape_->nodes_[at_]));
}

std::optional<std::string> JsonValue::jsonb() const {
  if (tape_ == nullptr) return std::nullopt;
  const auto& root = tape_->nodes_[at_];
  for (std::uint32_t i = at_; i < root.next; ++i) {
    const auto& node = tape_->nodes_[i];
    if (node.unfit || node.depth - root.depth >= payload_depth_max) return std::nullopt;
  }
  const auto text = tape_->text_of(root);
  if (!base::is_utf8(text)) return std::nullopt;
  return std::string(text);
}

}  // namespace holdfast::postgres
