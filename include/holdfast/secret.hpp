#pragma once

#include <string>
#include <utility>

namespace holdfast {

/// A value that must never be printed. There is no stream operator and no formatter on purpose.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}  ///< Keeps the value.
  /// The value: for whoever sends or compares it, and for nobody who writes a message.
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }  ///< There is none.
  /// Not in constant time: for finding out what has changed, not for checking a token.
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

}  // namespace holdfast
