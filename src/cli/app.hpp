#pragma once

#include <CLI/CLI.hpp>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"

/// The commands of the binary. Each file adds one family; app.cpp parses, runs the chosen one and
/// turns whatever happens into an exit code.
namespace holdfast::cli {

/// Part of the contract: scripts branch on these.
inline constexpr int exit_good = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

/// What the commands share.
struct Context {
  const Clock& clock;
  std::optional<std::string> config_path;  ///< --config, as given.
  std::string token_name;                  ///< --token, as given; empty: the first one.
  std::function<int()> command;  ///< Set by the command that was chosen; gives the exit code.
};

void add_serve(CLI::App& app, Context& context);
void add_validate(CLI::App& app, Context& context);
void add_config(CLI::App& app, Context& context);
void add_migrate(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_outbox(CLI::App& app, Context& context);
void add_reconcile(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_healthcheck(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);
void add_man(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);

/// A wrong argument that only the command itself can see: it is reported like one that the parser
/// sees.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The configuration that the command is to use.
/// Errors:   printed, each on a line of its own; the value is then the exit code.
[[nodiscard]] std::expected<Config, int> load_config(const Context& context);

/// Puts the token of --token first, which is the one that commands use.
/// Errors:   throws UsageError where there is none of that name.
void prefer_token(const Context& context, Config& config);

/// Refuses an empty value of an option, as of a variable of a script that is not set: taken for no
/// option at all, it would let `discard --source "$SOURCE" --state dead` discard those of all.
[[nodiscard]] CLI::Validator not_empty();

/// The whole program.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace holdfast::cli
