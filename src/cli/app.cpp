#include "cli/app.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <format>

#include "cli/destination_check.hpp"
#include "cli/output.hpp"
#include "config/errors.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/version.hpp"

namespace holdfast::cli {
namespace {

/// The command as far as it was understood, to point at its help.
const CLI::App& chosen_command(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

/// "holdfast outbox list"
std::string full_name(const CLI::App& command) {
  if (command.get_parent() == nullptr) return command.get_name();
  return full_name(*command.get_parent()) + ' ' + command.get_name();
}

/// The parser misses a command where a word was given that is none.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  const bool family = chosen_command(app).get_require_subcommand_min() > 0;
  const bool missed = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && family;
  const bool left_over = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (!missed && !left_over) return error.what();
  const auto unknown = app.remaining(true);
  if (unknown.empty()) return "a command is missing";
  return std::format("{}: there is no such {} here", unknown.front(),
                     unknown.front().starts_with('-') ? "option"
                     : family                         ? "command"
                                                      : "argument");
}

int report_usage(const CLI::App& app, std::string_view message) {
  print_error(message);
  print_error(std::format("run \"{} --help\" for what it takes", full_name(chosen_command(app))));
  return exit_usage;
}

/// Runs the chosen command; nothing that it throws leaves.
int run_command(const CLI::App& app, const Context& context) {
  try {
    return context.command();
  } catch (const UsageError& error) {
    return report_usage(app, error.what());
  } catch (const Error& error) {
    print_error(error.failure().message);
  } catch (const std::exception& error) {
    print_error(std::format("running the command: {}", error.what()));
  }
  return exit_failed;
}

/// A full disk or a closed pipe must not look like success: `outbox list > file` may be a backup.
int flush_output(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  print_error("writing the output: it was not taken whole; check the disk or pipe behind it");
  return code == exit_good ? exit_failed : code;
}

}  // namespace

std::expected<Config, int> load_config(const Context& context) {
  auto config = load_checked(context.config_path);
  if (config) {
    prefer_token(context, *config);
    return *std::move(config);
  }
  for (const auto& error : config.error().list)
    print_error(config::to_line(config.error().origin, error));
  return std::unexpected(exit_usage);
}

void prefer_token(const Context& context, Config& config) {
  if (context.token_name.empty()) return;
  auto& tokens = config.admin.tokens;
  const auto found = std::ranges::find(tokens, context.token_name, &AdminToken::name);
  if (found == tokens.end())
    throw UsageError(std::format("--token: {} has no admin.token of the name {}", config.origin,
                                 context.token_name));
  std::rotate(tokens.begin(), found, found + 1);
}

CLI::Validator not_empty() {
  return {[](const std::string& text) {
            return text.empty() ? std::string("its value is empty; write one, or leave it out")
                                : std::string();
          },
          ""};
}

int run(int argc, const char* const* argv) {
  const SystemClock clock;
  Context context{clock, std::nullopt, {}, {}};
  CLI::App app(
      "Commits webhook writes to a local outbox before answering, and relays them to Postgres",
      "holdfast");
  app.add_option("--config", context.config_path,
                 "Configuration file; else $HOLDFAST_CONFIG, ./holdfast.toml, "
                 "/etc/holdfast/holdfast.toml, built-in defaults")
      ->type_name("FILE")
      ->check(not_empty());
  app.add_option("--token", context.token_name,
                 "Name of the admin.token to ask the daemon with, which its audit log shows; else "
                 "the first")
      ->type_name("NAME")
      ->check(not_empty());
  app.set_version_flag("--version", std::format("holdfast {}", version()));
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Exit codes: 0 good, 1 failed, 2 usage or configuration");
  add_serve(app, context);
  add_validate(app, context);
  add_config(app, context);
  add_migrate(app, context);
  add_status(app, context);
  add_outbox(app, context);
  add_reconcile(app, context);
  add_doctor(app, context);
  add_healthcheck(app, context);
  add_completion(app, context);
  add_man(app, context);
  add_version(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return flush_output(app.exit(error));
    return report_usage(app, usage_text(app, error));
  }
  return flush_output(run_command(app, context));
}

}  // namespace holdfast::cli
