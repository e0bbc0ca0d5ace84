#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <sstream>

#include "golden.hpp"
#include "support/process.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;
using Words = std::vector<std::string>;

namespace {

support::CommandResult in_folder(const support::ScratchFolder& folder, Words arguments) {
  return support::run_command({.arguments = std::move(arguments), .folder = folder.path()});
}

std::string output_of(const Words& arguments) {
  Words command{HOLDFAST_BINARY};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return support::run_command({.arguments = command}).out;
}

Words words_of(const std::string& text) {
  std::istringstream stream(text);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// What bash offers for the last word of a line.
Words in_bash(const support::ScratchFolder& folder, const std::string& line) {
  support::write_file(folder.file("holdfast.bash"), output_of({"completion", "bash"}));
  const auto result = in_folder(
      folder, {"bash", "-c",
               std::format("source ./holdfast.bash; complete -p holdfast > /dev/null || exit 3; "
                           "COMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _holdfast; "
                           "echo \"${{COMPREPLY[@]}}\"",
                           line)});
  CAPTURE(line, result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.err.empty());
  return words_of(result.out);
}

/// What a real zsh shows when Tab is pressed twice behind a line, up to `last`.
std::string in_zsh(const support::ScratchFolder& folder, const std::string& line,
                   const std::string& last) {
  support::write_file(folder.file("_holdfast"), output_of({"completion", "zsh"}));
  support::write_file(folder.file("drive.zsh"), std::format(R"zsh(
zmodload zsh/zpty zsh/zselect
wait_for() {{
  local seen="" piece
  integer tries
  for (( tries = 0; tries < 400; ++tries )); do
    while zpty -r -t shell piece; do seen+=$piece; done
    [[ $seen == *$1* ]] && {{ print -r -- "$seen"; return }}
    zselect -t 5
  done
  print -r -- "no $1 in: $seen"
  exit 4
}}
zpty -b shell zsh -f -i
zpty -w shell "PS1=; fpath=({} \$fpath); autoload -Uz compinit; compinit -u -D; print read''y"
wait_for ready > /dev/null
zpty -w -n shell $'{}\t\t'
wait_for '{}'
zpty -d shell
)zsh",
                                                            folder.path(), line, last));
  const auto result = in_folder(folder, {"zsh", "-f", "drive.zsh"});
  CAPTURE(line, result.out, result.err);
  CHECK(result.exit_code == 0);
  return result.out;
}

bool has(const Words& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

TEST_CASE("cli: bash completes commands, options, their values and files",
          "[cli][process][completion]") {
  const support::ScratchFolder folder;
  const auto first = in_bash(folder, "holdfast ''");
  for (const auto* word : {"serve", "outbox", "reconcile", "doctor", "--config"})
    CHECK(has(first, word));
  CHECK(in_bash(folder, "holdfast rec") == Words{"reconcile"});
  const auto outbox = in_bash(folder, "holdfast outbox ''");
  for (const auto* word : {"list", "show", "retry", "erase", "export", "import", "--outbox"})
    CHECK(has(outbox, word));
  CHECK_FALSE(has(outbox, "serve"));
  CHECK(in_bash(folder, "holdfast outbox list --st") == Words{"--state"});
  const Words states{"pending", "delivered", "dead", "discarded"};
  CHECK(in_bash(folder, "holdfast outbox list --state ''") == states);
  CHECK(in_bash(folder, "holdfast outbox list --state = d") ==
        Words{"delivered", "dead", "discarded"});
  CHECK(in_bash(folder, "holdfast outbox list --source ''").empty());
  CHECK(in_bash(folder, "holdfast completion ''")[0] == "bash");
  // Values are no commands, and an option of all commands is offered behind each.
  CHECK(has(in_bash(folder, "holdfast --config serve outbox ''"), "list"));
  CHECK(has(in_bash(folder, "holdfast --config = serve outbox ''"), "list"));
  CHECK(has(in_bash(folder, "holdfast outbox list --"), "--config"));
  support::write_file(folder.file("a.toml"), "");
  CHECK(in_bash(folder, "holdfast --config a.") == Words{"a.toml"});
  support::write_file(folder.file("b c.jsonl"), "");
  CHECK(in_bash(folder, "holdfast outbox import b") == Words{"b", "c.jsonl"});
  CHECK(in_bash(folder, "holdfast outbox import --he") == Words{"--help"});
}

TEST_CASE("cli: zsh completes commands, options and their values", "[cli][process][completion]") {
  const support::ScratchFolder folder;
  const auto commands = in_zsh(folder, "holdfast ", "version");
  CHECK(commands.contains("reconcile"));
  CHECK(commands.contains("Compare what was accepted with what Postgres"));
  const auto outbox = in_zsh(folder, "holdfast outbox ", "show");
  CHECK(outbox.contains("retry"));
  CHECK_FALSE(outbox.contains("reconcile"));
  const auto states = in_zsh(folder, "holdfast outbox list --state ", "pending");
  CHECK(states.contains("discarded"));
  CHECK(in_zsh(folder, "holdfast outbox list --sq", "--sqlstate").contains("--sqlstate"));
}

TEST_CASE("cli: the man page is well formed and tells all commands and options",
          "[cli][process][completion]") {
  const support::ScratchFolder folder;
  const auto page = output_of({"man"});
  support::write_file(folder.file("holdfast.1"), page);
  const auto lint = in_folder(folder, {"mandoc", "-T", "lint", "-W", "warning", "holdfast.1"});
  CHECK(lint.out + lint.err == "");
  CHECK(lint.exit_code == 0);
  const auto shown = in_folder(folder, {"mandoc", "-T", "ascii", "holdfast.1"});
  // Bold and underlined letters are written twice, with a step back between.
  std::string text;
  for (const char c : shown.out) {
    if (c == '\b')
      text.pop_back();
    else
      text += c;
  }
  for (const auto* part :
       {"holdfast - a durable outbox", "serve", "outbox retry [ID ...] [option ...]",
        "--since TIME", "-o, --output FILE", "HOLDFAST_CONFIG", "NO_COLOR", "holdfast.db-wal",
        "SIGHUP", "EXIT STATUS", "migrate plan", "doctor"}) {
    CAPTURE(part);
    CHECK(text.contains(part));
  }
}
