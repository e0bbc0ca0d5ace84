#include <algorithm>
#include <format>
#include <functional>
#include <set>

#include "cli/completion_text.hpp"

namespace holdfast::cli {
namespace {

/// Finds the command that the words before the cursor name, and the option that wants a value.
/// Bash splits "--state=dead" into three words.
constexpr std::string_view head =
    R"bash(# bash completion for holdfast, made by "holdfast completion bash".

_holdfast() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev="" command=holdfast words="" word i
  COMPREPLY=()
  if [[ $cur == "=" ]]; then
    cur=""
    prev=${COMP_WORDS[COMP_CWORD-1]}
  elif ((COMP_CWORD >= 2)) && [[ ${COMP_WORDS[COMP_CWORD-1]} == "=" ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  elif ((COMP_CWORD >= 1)); then
    prev=${COMP_WORDS[COMP_CWORD-1]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
)bash";

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : std::string(between)) + word;
  return text;
}

void visit(const CommandInfo& command, const std::function<void(const CommandInfo&)>& use) {
  use(command);
  for (const auto& child : command.commands) visit(child, use);
}

/// All options that the command takes.
std::vector<OptionInfo> options_of(const CommandInfo& command) {
  auto options = command.options;
  options.insert(options.end(), command.inherited.begin(), command.inherited.end());
  return options;
}

/// What to do where a value is to be completed.
std::string reaction(const OptionInfo& option) {
  if (takes_file(option))
    return "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
  if (!option.choices.empty())
    return std::format("mapfile -t COMPREPLY < <(compgen -W \"{}\" -- \"$cur\")",
                       join(option.choices, " "));
  return ":";
}

/// The words that may follow a command.
std::string words_of(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const auto& child : command.commands) words.push_back(child.name);
  for (const auto& positional : command.positionals)
    words.insert(words.end(), positional.choices.begin(), positional.choices.end());
  for (const auto& option : options_of(command))
    words.insert(words.end(), option.names.begin(), option.names.end());
  return join(words, " ");
}

}  // namespace

std::string bash_completion(const CommandInfo& root) {
  std::set<std::string> valued;
  std::vector<std::string> paths;
  std::string values;
  std::string words;
  visit(root, [&](const CommandInfo& command) {
    if (&command != &root) paths.push_back('"' + command.path + '"');
    for (const auto& option : options_of(command)) {
      if (option.value.empty()) continue;
      valued.insert(option.names.begin(), option.names.end());
      std::vector<std::string> patterns;
      for (const auto& name : option.names)
        patterns.push_back(std::format("\"{} {}\"", command.path, name));
      values += std::format("    {}) {}; return ;;\n", join(patterns, "|"), reaction(option));
    }
    words += std::format("    \"{}\") words=\"{}\" ;;\n", command.path, words_of(command));
    const bool file = std::ranges::any_of(command.positionals, takes_file);
    if (file)
      words.insert(words.size() - 4,
                   "; [[ $cur == -* ]] || { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY "
                   "< <(compgen -f -- \"$cur\"); return; }");
  });
  std::string text(head);
  text += std::format("      {})\n", join({valued.begin(), valued.end()}, "|"));
  text +=
      "        [[ ${COMP_WORDS[i+1]} == \"=\" ]] && ((i++))\n        ((i++))\n"
      "        continue ;;\n    esac\n    case \"$command $word\" in\n";
  text += std::format("      {}) command=\"$command $word\" ;;\n", join(paths, "|"));
  text += "    esac\n  done\n  case \"$command $prev\" in\n" + values;
  text += "  esac\n  case $command in\n" + words;
  text +=
      "  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
      "complete -F _holdfast holdfast\n";
  return text;
}

}  // namespace holdfast::cli
