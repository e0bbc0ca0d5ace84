#include "ingress/json_scalar.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace holdfast::ingress {
namespace {

/// long double, so that a number such as 1e999 (which jsonb takes) does not end the parse. Only the
/// source text of a number is used.
using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                  std::uint64_t, long double>;

/// Follows the pointer through the events of the parser and keeps the scalar that it ends at.
class Finder final : public nlohmann::json_sax<Json> {
 public:
  explicit Finder(const std::vector<std::string>& tokens) : tokens_(tokens) {}
  [[nodiscard]] std::optional<std::string> take() { return std::move(found_); }

  bool null() override { return value(std::nullopt); }
  bool boolean(bool) override { return value(std::nullopt); }
  /// Integers below zero and "-0", whose sign the parsed number has lost.
  bool number_integer(number_integer_t number) override {
    return value(number == 0 ? "-0" : std::to_string(number));
  }
  bool number_unsigned(number_unsigned_t number) override { return value(std::to_string(number)); }
  /// Also integers that 64 bits cannot hold.
  bool number_float(number_float_t, const string_t& text) override { return value(text); }
  bool string(string_t& text) override { return value(std::move(text)); }
  bool binary(binary_t&) override { return value(std::nullopt); }
  bool start_object(std::size_t) override { return enter(false); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(true); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    auto& level = levels_.back();
    level.on_path = level.followed && name == tokens_[levels_.size() - 1];
    if (level.on_path) found_.reset();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  struct Level {
    bool array = false;
    bool followed = false;  ///< The pointer leads into this container and has a token for it.
    bool on_path = false;   ///< The member being read is the one that the token names.
    std::size_t next_index = 0;
  };

  /// True if the value that starts now is on the pointer's path.
  bool arrives() {
    if (levels_.empty()) return true;
    auto& level = levels_.back();
    if (!level.array) return level.on_path;
    const bool named =
        level.followed && tokens_[levels_.size() - 1] == std::to_string(level.next_index);
    ++level.next_index;
    return named;
  }
  bool value(std::optional<std::string> text) {
    if (arrives() && levels_.size() == tokens_.size()) found_ = std::move(text);
    return true;
  }
  bool enter(bool array) {
    const bool followed = arrives() && levels_.size() < tokens_.size();
    levels_.push_back({array, followed});
    return true;
  }
  bool leave() {
    levels_.pop_back();
    return true;
  }

  const std::vector<std::string>& tokens_;
  std::vector<Level> levels_;
  std::optional<std::string> found_;
};

}  // namespace

std::optional<std::vector<std::string>> parse_json_pointer(std::string_view pointer) {
  std::vector<std::string> tokens;
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

std::optional<std::string> json_scalar_at(std::string_view document,
                                          const std::vector<std::string>& tokens) {
  Finder finder(tokens);
  if (!Json::sax_parse(document.begin(), document.end(), &finder)) return std::nullopt;
  return finder.take();
}

}  // namespace holdfast::ingress
