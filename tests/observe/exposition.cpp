#include "exposition.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <ranges>
#include <set>
#include <stdexcept>

namespace holdfast::test {
namespace {

[[noreturn]] void fail(std::string_view what, std::string_view line) {
  throw std::runtime_error(std::string(what) + " in: " + std::string(line));
}

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") ==
         std::string_view::npos;
}

double to_value(std::string_view text, std::string_view line) {
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) fail("a value that is no number", line);
  return value;
}

// Takes {name="value",...} off the front of `rest`.
Labels take_labels(std::string_view& rest, std::string_view line) {
  Labels labels;
  if (!rest.starts_with('{')) return labels;
  rest.remove_prefix(1);
  while (!rest.starts_with('}')) {
    const auto equals = rest.find("=\"");
    if (equals == std::string_view::npos) fail("a label without a value", line);
    const auto name = rest.substr(0, equals);
    rest.remove_prefix(equals + 2);
    std::string value;
    for (; !rest.empty() && rest[0] != '"'; rest.remove_prefix(1)) {
      if (rest[0] == '\\') rest.remove_prefix(1);
      if (rest.empty()) fail("an open escape", line);
      value += rest[0];
    }
    if (rest.empty()) fail("an open label value", line);
    rest.remove_prefix(1);
    if (!is_name(name) || !labels.emplace(name, value).second) fail("a bad label name", line);
    if (rest.starts_with(','))
      rest.remove_prefix(1);
    else if (!rest.starts_with('}'))
      fail("labels that do not end", line);
  }
  rest.remove_prefix(1);
  return labels;
}

bool belongs(const std::string& sample, const std::string& family, const std::string& type) {
  if (type != "histogram") return sample == family;
  return sample == family + "_bucket" || sample == family + "_sum" || sample == family + "_count";
}

void check_histogram(const std::string& name, const Family& family) {
  double last_bound = -std::numeric_limits<double>::infinity();
  double last_count = 0;
  for (const auto& [key, value] : family.samples) {
    if (key.first != name + "_bucket") continue;
    const auto& le = key.second.at("le");
    const double bound = to_value(le, name);
    if (bound <= last_bound) fail("bounds that do not grow", name);
    if (value < last_count) fail("buckets that are not cumulative", name);
    last_bound = bound;
    last_count = value;
  }
  if (!std::isinf(last_bound)) fail("no +Inf bucket", name);
  if (family.at(name + "_count") != last_count) fail("count and +Inf differ", name);
}

class Parser {
 public:
  void line(std::string_view line) {
    if (line.starts_with("# HELP ")) return help(line);
    if (line.starts_with("# TYPE ")) return type(line);
    if (line.starts_with('#')) fail("an unknown comment", line);
    sample(line);
  }
  std::map<std::string, Family> take() {
    for (const auto& [name, family] : families_) {
      if (family.type.empty()) fail("no TYPE", name);
      if (family.type == "histogram") check_histogram(name, family);
    }
    return std::move(families_);
  }

 private:
  void help(std::string_view line) {
    const auto rest = line.substr(7);
    const auto space = rest.find(' ');
    if (space == std::string_view::npos || space + 1 == rest.size()) fail("an empty HELP", line);
    current_ = rest.substr(0, space);
    if (!is_name(current_)) fail("a bad name", line);
    if (!families_.try_emplace(current_, Family{std::string(rest.substr(space + 1)), "", {}})
             .second)
      fail("a family twice", line);
  }
  void type(std::string_view line) {
    const auto rest = line.substr(7);
    if (!rest.starts_with(current_ + ' ')) fail("TYPE without its HELP", line);
    auto& type = families_.at(current_).type;
    if (!type.empty()) fail("TYPE twice", line);
    type = rest.substr(current_.size() + 1);
    if (!std::set<std::string>{"counter", "gauge", "histogram"}.contains(type))
      fail("an unknown type", line);
  }
  void sample(std::string_view line) {
    const auto name_end = line.find_first_of("{ ");
    if (name_end == std::string_view::npos) fail("a sample without a value", line);
    const std::string name(line.substr(0, name_end));
    auto& family = families_.at(current_);
    if (!belongs(name, current_, family.type)) fail("a sample outside its family", line);
    auto rest = line.substr(name_end);
    auto labels = take_labels(rest, line);
    if (!rest.starts_with(' ')) fail("no space before the value", line);
    if (!seen_.emplace(name, labels).second) fail("a sample twice", line);
    family.samples.push_back({{name, std::move(labels)}, to_value(rest.substr(1), line)});
  }

  std::map<std::string, Family> families_;
  std::set<std::pair<std::string, Labels>> seen_;
  std::string current_;
};

}  // namespace

double Family::at(const std::string& name, const Labels& labels) const {
  for (const auto& [key, value] : samples)
    if (key.first == name && key.second == labels) return value;
  throw std::runtime_error("no sample " + name);
}

std::map<std::string, Family> parse_exposition(std::string_view text) {
  if (!text.ends_with('\n')) fail("no newline at the end", "");
  Parser parser;
  for (const auto part : std::views::split(text.substr(0, text.size() - 1), '\n'))
    parser.line(std::string_view(part));
  return parser.take();
}

}  // namespace holdfast::test
