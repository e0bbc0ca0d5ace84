#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// The commands as plain data, read from the parser itself: what --help, completion and the man
/// page say cannot drift apart.
namespace holdfast::cli {

struct OptionInfo {
  std::vector<std::string> names;  ///< "-o", "--output"; the name alone for a positional.
  std::string value;               ///< "FILE"; empty: a flag.
  std::vector<std::string> choices;
  std::string description;
  std::string preset;  ///< The default, where it is told.
  bool required = false;
  bool many = false;
};

struct CommandInfo {
  std::string name;  ///< "list"
  std::string path;  ///< "holdfast outbox list"
  std::string description;
  std::string footer;
  std::vector<OptionInfo> options;    ///< Its own, in the order of the help.
  std::vector<OptionInfo> inherited;  ///< Those of its parents, which it takes, too.
  std::vector<OptionInfo> positionals;
  std::vector<CommandInfo> commands;
};

[[nodiscard]] CommandInfo command_tree(const CLI::App& app);

/// True if a value of it is the name of a file.
[[nodiscard]] bool takes_file(const OptionInfo& option);

}  // namespace holdfast::cli
