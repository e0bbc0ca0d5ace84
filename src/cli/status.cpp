#include <format>
#include <nlohmann/json.hpp>

#include "cli/admin_client.hpp"
#include "cli/app.hpp"
#include "cli/output.hpp"
#include "cli/status_text.hpp"

namespace holdfast::cli {
namespace {

constexpr std::chrono::seconds status_timeout{5};

int print_status(const Context& context, bool as_json) {
  const auto config = load_config(context);
  if (!config) return config.error();
  const std::string url = admin_url(config->admin.listen);
  const auto reply = admin_get(url, "/api/v1/status", admin_token(*config), status_timeout);
  if (!reply) {
    print_error(reply.error().message);
    return exit_failed;
  }
  const auto document = nlohmann::json::parse(reply->body, nullptr, false);
  if (reply->status != 200 || !document.is_object()) {
    print_error(std::format("asking the daemon at {}: {}", url, refusal_text(*reply)));
    return exit_failed;
  }
  if (as_json) {
    print(reply->body.ends_with('\n') ? reply->body : reply->body + '\n');
  } else {
    print(status_text(document, context.clock.wall_now(), output_style()));
  }
  return exit_good;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  const auto json = std::make_shared<bool>(false);
  auto* command =
      app.add_subcommand("status",
                         "Ask the running daemon how it is: backlog, lag, destination, pauses")
          ->fallthrough();
  command->add_flag("--json", *json, "Print the daemon's status document as it is");
  command->callback([json, &context] {
    context.command = [json, &context] { return print_status(context, *json); };
  });
}

}  // namespace holdfast::cli
