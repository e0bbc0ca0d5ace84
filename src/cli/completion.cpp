#include "cli/app.hpp"
#include "cli/completion_text.hpp"
#include "cli/output.hpp"
#include "holdfast/version.hpp"

namespace holdfast::cli {

void add_completion(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  auto* command =
      app.add_subcommand("completion", "Print what a shell needs to complete this program")
          ->fallthrough();
  command->add_option("SHELL", *shell, "Which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->footer(
      "Try it: source <(holdfast completion bash). An installation brings both files along.\n" +
      app.get_footer());
  command->callback([shell, &app, &context] {
    context.command = [shell, &app] {
      const auto tree = command_tree(app);
      print(*shell == "bash" ? bash_completion(tree) : zsh_completion(tree));
      return exit_good;
    };
  });
}

void add_man(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("man", "Print the man page; read it with \"holdfast man | man -l -\"")
          ->fallthrough();
  command->callback([&app, &context] {
    context.command = [&app] {
      print(man_page(command_tree(app), version()));
      return exit_good;
    };
  });
}

}  // namespace holdfast::cli
