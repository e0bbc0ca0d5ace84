#include <algorithm>
#include <format>

#include "cli/completion_text.hpp"

namespace holdfast::cli {
namespace {

/// Inside of single quotes.
std::string single_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + '\'';
}

/// What has a meaning in a specification of _arguments.
std::string spec_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string action_of(const OptionInfo& option) {
  if (takes_file(option)) return "_files";
  if (option.choices.empty()) return " ";
  std::string words;
  for (const auto& choice : option.choices) words += (words.empty() ? "" : " ") + choice;
  return '(' + words + ')';
}

/// Of one option: a specification for each of its names, of which one excludes the others.
std::string specifications(const OptionInfo& option) {
  std::string all;
  for (const auto& name : option.names) all += (all.empty() ? "" : " ") + name;
  std::string text;
  for (const auto& name : option.names) {
    const bool with_value = !option.value.empty();
    const bool long_one = name.starts_with("--");
    std::string spec = std::format("({}){}", all, name);
    if (with_value) spec += long_one ? "=" : "+";
    spec += std::format("[{}]", spec_text(option.description));
    if (with_value) spec += std::format(":{}:{}", option.value, action_of(option));
    text += "    " + single_quoted(spec) + " \\\n";
  }
  return text;
}

std::string function_name(const CommandInfo& command) {
  std::string name = "_" + command.path;
  std::ranges::replace(name, ' ', '_');
  return name;
}

std::string options_text(const CommandInfo& command) {
  std::string text;
  for (const auto& option : command.options) text += specifications(option);
  for (const auto& option : command.inherited) text += specifications(option);
  return text;
}

/// A command that has no commands.
std::string leaf(const CommandInfo& command) {
  std::string text =
      std::format("{}() {{\n  _arguments -s \\\n{}", function_name(command), options_text(command));
  for (const auto& positional : command.positionals)
    text += "    " +
            single_quoted(std::format("{}:{}:{}",
                                      positional.many       ? "*"
                                      : positional.required ? "1"
                                                            : ":",
                                      spec_text(positional.names.back()), action_of(positional))) +
            " \\\n";
  return text + "    && return 0\n}\n\n";
}

std::string family(const CommandInfo& command) {
  std::string text;
  for (const auto& child : command.commands)
    text += child.commands.empty() ? leaf(child) : family(child);
  text += std::format(
      "{}() {{\n  local line state\n  local -a commands\n  _arguments -s -C \\\n{}"
      "    '1:command:->command' '*::argument:->argument' && return 0\n"
      "  case $state in\n    command)\n      commands=(\n",
      function_name(command), options_text(command));
  for (const auto& child : command.commands)
    text +=
        std::format("        {}\n",
                    single_quoted(std::format("{}:{}", child.name, spec_text(child.description))));
  text +=
      "      )\n      _describe -t commands 'command' commands ;;\n    argument)\n"
      "      case $line[1] in\n";
  for (const auto& child : command.commands)
    text += std::format("        {}) {} ;;\n", child.name, function_name(child));
  return text + "      esac ;;\n  esac\n}\n\n";
}

}  // namespace

std::string zsh_completion(const CommandInfo& root) {
  return "#compdef holdfast\n# zsh completion for holdfast, made by \"holdfast completion "
         "zsh\".\n\n" +
         family(root) +
         // As a file of fpath it is run to complete; read by `source` it only says so.
         "if [[ $funcstack[1] == _holdfast ]]; then\n  _holdfast \"$@\"\nelse\n"
         "  compdef _holdfast holdfast\nfi\n";
}

}  // namespace holdfast::cli
