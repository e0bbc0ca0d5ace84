#include <format>

#include "cli/completion_text.hpp"

namespace holdfast::cli {
namespace {

/// Text as mdoc takes it: a backslash begins an escape, a dot or quote at the start of a line a
/// macro.
std::string mdoc_text(std::string_view text) {
  std::string result;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) result += "\\&";
    // Each sentence begins a line, as mdoc wants it.
    const bool sentence_ended = c == ' ' && result.ends_with('.');
    line_begins = c == '\n' || sentence_ended;
    result += sentence_ended ? std::string("\n")
              : c == '\\'    ? std::string("\\e")
                             : std::string(1, c);
  }
  return result;
}

/// "Fl o , Fl -output Ar FILE"
std::string option_head(const OptionInfo& option) {
  std::string text;
  for (const auto& name : option.names) {
    if (!text.empty()) text += " , ";
    text += name.starts_with("-") ? "Fl " + name.substr(1) : "Ar " + name;
  }
  if (option.value.empty() || !option.names.back().starts_with("-")) return text;
  return text + " Ar " + option.value;
}

std::string option_item(const OptionInfo& option) {
  std::string text =
      std::format(".It {}\n{}.\n", option_head(option), mdoc_text(option.description));
  if (!option.choices.empty()) {
    text += "One of";
    for (std::size_t i = 0; i < option.choices.size(); ++i)
      text += std::format("{} {}", i == 0 ? "" : ",", option.choices[i]);
    text += ".\n";
  }
  if (!option.preset.empty()) text += std::format("Default: {}.\n", mdoc_text(option.preset));
  return text;
}

bool is_help(const OptionInfo& option) {
  return option.names.back() == "--help";
}

/// ".Cm outbox list" with what it takes.
std::string command_head(const CommandInfo& command) {
  std::string text = command.path.substr(command.path.find(' ') + 1);
  std::string head = std::format("Cm {}", text);
  for (const auto& positional : command.positionals) {
    const auto word = "Ar " + positional.names.back() + (positional.many ? " ..." : "");
    head += positional.required ? ' ' + word : " Oo " + word + " Oc";
  }
  if (command.options.size() > 1) head += " Oo Ar option ... Oc";
  return head;
}

std::string command_item(const CommandInfo& command) {
  std::string text;
  if (command.commands.empty()) {
    text += std::format(".It {}\n{}.\n", command_head(command), mdoc_text(command.description));
    std::string items;
    for (const auto& positional : command.positionals) items += option_item(positional);
    for (const auto& option : command.options)
      if (!is_help(option)) items += option_item(option);
    if (!items.empty()) text += ".Bl -tag -width Ds\n" + items + ".El\n";
  }
  for (const auto& child : command.commands) text += command_item(child);
  return text;
}

/// Options of a family, such as --outbox, that all its commands take.
std::string family_options(const CommandInfo& root) {
  std::string text;
  for (const auto& option : root.options)
    if (!is_help(option)) text += option_item(option);
  for (const auto& family : root.commands)
    for (const auto& option : family.options)
      if (!family.commands.empty() && !is_help(option))
        text += option_item(option) + std::format("For the commands of {}.\n", family.name);
  return ".Bl -tag -width Ds\n" + text + ".It Fl -help\nPrint what a command takes.\n.El\n";
}

constexpr std::string_view environment = R"mdoc(.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev HOLDFAST_CONFIG
The configuration file, where
.Fl -config
names none.
.It Ev DATABASE_URL
The destination, where there is no configuration file.
.It Ev NO_COLOR
Not empty: no colours, even on a terminal.
.El
.Pp
A configuration may name any other variable as
.Li ${NAME} .
.Sh FILES
.Bl -tag -width Ds
.It Pa ./holdfast.toml , /etc/holdfast/holdfast.toml
The configuration, in this order, where none is named.
.It Pa holdfast.db
The outbox, at
.Li outbox.path
of the configuration.
.It Pa holdfast.db-wal
Commits that are not yet in the outbox file.
Accepted writes may be nowhere else: never delete it.
.It Pa holdfast.db-shm , holdfast.db.lock , holdfast.db.state
An index of the former, what keeps a second daemon out, and how the last use ended.
.It Pa holdfast.db.damaged-TIME
A damaged outbox that was put aside by a salvage.
.El
.Pp
All are made with mode 0600.
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
Good.
.It 1
Failed: what was asked for could not be done, or a check found something.
.It 2
The usage or the configuration is wrong.
.El
)mdoc";

constexpr std::string_view signals = R"mdoc(.Sh SIGNALS
.Cm serve
takes these:
.Bl -tag -width Ds
.It Dv SIGTERM , SIGINT
Stop: listen no more, answer what was accepted, end the batch at hand, exit with 0.
What is not delivered stays pending.
A second one ends the process at once, which loses nothing, either.
.It Dv SIGHUP
Read the configuration again.
The log says what came of it.
.El
)mdoc";

constexpr std::string_view examples = R"mdoc(.Sh EXAMPLES
What is dead, and why; then, once the table is mended, deliver it:
.Bd -literal -offset indent
holdfast outbox list --state dead
holdfast outbox retry --sqlstate 23514
.Ed
.Pp
Whether Postgres holds all that was accepted since yesterday:
.Dl holdfast reconcile --since 24h
.Pp
Completion in this shell:
.Dl source <(holdfast completion bash)
.Sh SEE ALSO
.Xr psql 1 ,
.Xr sqlite3 1
)mdoc";

}  // namespace

std::string man_page(const CommandInfo& root, std::string_view version) {
  std::string text = std::format(
      ".\\\" Made by \"holdfast man\".\n.Dd November 28, 2026\n.Dt HOLDFAST 1\n.Os \"holdfast "
      "{}\"\n"
      ".Sh NAME\n.Nm holdfast\n.Nd a durable outbox in front of Postgres for webhook writes\n"
      ".Sh SYNOPSIS\n.Nm\n.Op Fl -config Ar FILE\n.Ar command\n.Op Ar option ...\n"
      ".Sh DESCRIPTION\n.Nm\n{}.\n",
      version,
      "commits webhook writes to a local outbox before answering, and relays them to "
      "Postgres");
  text += "Commands that read have\n.Fl -json\nfor programs.\n.Pp\nOptions of all commands:\n" +
          family_options(root);
  text += ".Sh COMMANDS\n.Bl -tag -width Ds\n";
  for (const auto& command : root.commands) text += command_item(command);
  text += ".El\n";
  text += signals;
  text += environment;
  text += examples;
  return text;
}

}  // namespace holdfast::cli
