#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "config/load.hpp"

namespace holdfast::config::test {

/// A folder under /tmp that goes with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = "/tmp/holdfast-config-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("making a folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string path(std::string_view name) const { return path_ / name; }
  /// Writes a file and returns its path.
  std::string write(std::string_view name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

/// The least that a file needs, as one line.
inline constexpr std::string_view one_source = "[[source]]\nname = \"a\"\nprovider = \"none\"\n";

inline std::expected<Config, ConfigErrors> parse_text(
    std::string_view text, std::map<std::string, std::string> variables = {}) {
  return parse(text, "holdfast.toml", environment_of(std::move(variables)));
}

/// All errors as their lines, one under the other; "ok" if there are none.
inline std::string errors_of(std::string_view text,
                             std::map<std::string, std::string> variables = {}) {
  const auto config = parse_text(text, std::move(variables));
  if (config) return "ok";
  std::string lines;
  for (const auto& error : config.error().list)
    lines += (lines.empty() ? "" : "\n") + to_line(config.error().origin, error);
  return lines;
}

/// All warnings of a file that loads, as their lines.
inline std::string warnings_of(std::string_view text) {
  const auto config = parse_text(text);
  if (!config) return errors_of(text);
  std::string lines;
  for (const auto& warning : config->warnings)
    lines += (lines.empty() ? "" : "\n") + to_warning_line(config->origin, warning);
  return lines;
}

/// A source as it stands in a file, four lines and those of `rest`.
inline std::string source(std::string_view name, std::string_view provider,
                          std::string_view rest = "") {
  return std::format("[[source]]\nname = \"{}\"\nprovider = \"{}\"\n{}\n", name, provider, rest);
}

/// The errors of one line in one section, with a source so that nothing else is wrong.
inline std::string errors_in(std::string_view section, std::string_view line) {
  return errors_of(std::format("[{}]\n{}\n{}", section, line, one_source));
}

}  // namespace holdfast::config::test
