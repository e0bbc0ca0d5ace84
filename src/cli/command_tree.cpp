#include "cli/command_tree.hpp"

#include <algorithm>

namespace holdfast::cli {
namespace {

/// CLI11 tells the choices of an option as part of its type: "TEXT:{dead,pending}".
std::vector<std::string> choices_of(const std::string& type) {
  const auto begin = type.find('{');
  const auto end = type.find('}', begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::vector<std::string> choices(1);
  for (const char c : type.substr(begin + 1, end - begin - 1)) {
    if (c == ',')
      choices.emplace_back();
    else
      choices.back() += c;
  }
  return choices;
}

OptionInfo info_of(const CLI::Option& option) {
  OptionInfo info;
  for (const auto& name : option.get_snames()) info.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) info.names.push_back("--" + name);
  if (info.names.empty()) info.names.push_back(option.get_name());
  if (option.get_items_expected_max() > 0) {
    const auto type = option.get_type_name();
    info.choices = choices_of(type);
    info.value = info.choices.empty() ? type.substr(0, type.find(':')) : "WORD";
    if (info.value == "UINT") info.value = "NUMBER";
  }
  info.description = option.get_description();
  info.preset = option.get_default_str();
  info.required = option.get_required();
  info.many = option.get_items_expected_max() > 1;
  return info;
}

CommandInfo read(const CLI::App& app, const std::string& parent_path,
                 std::vector<OptionInfo> inherited) {
  CommandInfo info;
  info.name = app.get_name();
  info.path = parent_path.empty() ? info.name : parent_path + ' ' + info.name;
  info.description = app.get_description();
  info.footer = app.get_footer();
  info.inherited = std::move(inherited);
  for (const CLI::Option* option : app.get_options())
    (option->nonpositional() ? info.options : info.positionals).push_back(info_of(*option));
  auto passed_on = info.inherited;
  for (const auto& option : info.options) {
    const bool own = option.names.back() == "--help" || option.names.back() == "--version";
    if (!own) passed_on.push_back(option);
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    info.commands.push_back(read(*command, info.path, passed_on));
  return info;
}

}  // namespace

CommandInfo command_tree(const CLI::App& app) {
  return read(app, "", {});
}

bool takes_file(const OptionInfo& option) {
  return option.value == "FILE" || option.names.back() == "FILE";
}

}  // namespace holdfast::cli
