#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <regex>
#include <set>

#include "golden.hpp"
#include "support/process.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;

namespace {

support::CommandResult run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), HOLDFAST_BINARY);
  return support::run_command({.arguments = std::move(arguments)});
}

/// Every command, as the program itself tells the shell: {}, {"outbox"}, {"outbox", "list"}, …
std::vector<std::vector<std::string>> all_commands() {
  const auto script = run({"completion", "bash"}).out;
  std::vector<std::vector<std::string>> commands;
  const std::regex line("\n    \"holdfast([a-z ]*)\"\\) words=");
  for (std::sregex_iterator found(script.begin(), script.end(), line), end; found != end; ++found) {
    std::istringstream words((*found)[1].str());
    auto& command = commands.emplace_back();
    for (std::string word; words >> word;) command.push_back(word);
  }
  return commands;
}

}  // namespace

TEST_CASE("cli: the help of each command is the one that was agreed", "[cli][process][help]") {
  const auto commands = all_commands();
  CHECK(commands.size() >= 23);
  std::set<std::string> names{"export.txt", "config.txt", "outbox.txt", "errors.txt"};
  for (auto command : commands) {
    std::string name = "help";
    for (const auto& word : command) name += '-' + word;
    command.emplace_back("--help");
    const auto result = run(command);
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    check_golden(name, result.out);
    names.insert(name + ".txt");
  }
  // A command that is gone leaves no file behind.
  for (const auto& file : std::filesystem::directory_iterator(std::string(HOLDFAST_SOURCE_DIR) +
                                                              "/tests/cli/golden")) {
    CAPTURE(file.path().string());
    CHECK(names.contains(file.path().filename().string()));
  }
}

TEST_CASE("cli: every command says its exit codes and where else to look", "[cli][process][help]") {
  for (auto command : all_commands()) {
    command.emplace_back("--help");
    CAPTURE(command);
    CHECK(run(command).out.contains("Exit codes: 0 "));
  }
}
