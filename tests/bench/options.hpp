#pragma once

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>

namespace holdfast::bench {

/// "--name value" pairs of a command line. One that nobody asks for is an error, so that a misspelt
/// option does not measure something else.
class Options {
 public:
  Options(int count, char** words, int first) {
    for (int i = first; i < count; i += 2) {
      const std::string name = words[i];
      if (!name.starts_with("--") || i + 1 >= count)
        throw std::runtime_error("reading " + name + ": not --NAME VALUE");
      values_[name.substr(2)] = words[i + 1];
    }
  }

  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const auto value = found->second;
    values_.erase(found);
    return value;
  }

  [[nodiscard]] double number(const std::string& name, double otherwise) {
    const auto value = text(name, "");
    if (value.empty()) return otherwise;
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (*end != '\0' || number < 0)
      throw std::runtime_error("reading --" + name + ": not a number: " + value);
    return number;
  }
  [[nodiscard]] std::size_t count(const std::string& name, std::size_t otherwise) {
    return static_cast<std::size_t>(number(name, static_cast<double>(otherwise)));
  }

  /// Call it when all were asked for.
  void end() const {
    if (!values_.empty())
      throw std::runtime_error("reading --" + values_.begin()->first + ": no such option");
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace holdfast::bench
