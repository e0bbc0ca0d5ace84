#include <format>

#include "cli/admin_client.hpp"
#include "cli/app.hpp"
#include "cli/output.hpp"
#include "config/syntax.hpp"

namespace holdfast::cli {
namespace {

/// Docker's own limit is 30 s: an answer that takes longer than this is no answer.
constexpr std::chrono::seconds healthcheck_timeout{3};
constexpr std::size_t shown_bytes_max = 300;

/// Where to ask.
struct Target {
  std::string url;
  std::string path = "/readyz";
};

Target target_of(const std::string& text) {
  auto url = config::parse_public_url(text);
  if (!url)
    throw UsageError(
        "--url: this is no http(s) URL of a host; write the one of the daemon, such as "
        "\"http://127.0.0.1:9090/readyz\"");
  const auto path = url->find('/', url->find("://") + 3);
  if (path == std::string::npos) return {*url};
  return {url->substr(0, path), url->substr(path)};
}

int healthcheck(const Context& context, const std::optional<std::string>& url) {
  Target target;
  if (url) {
    target = target_of(*url);
  } else {
    const auto config = load_config(context);
    if (!config) return config.error();
    target.url = admin_url(config->admin.listen);
  }
  const auto reply = admin_get(target.url, target.path, Secret(), healthcheck_timeout);
  if (!reply) {
    print_error(reply.error().message);
    return exit_failed;
  }
  if (reply->status == 200) return exit_good;
  print_error(std::format("not ready: {}{} answered {} {}", target.url, target.path, reply->status,
                          reply->body.substr(0, shown_bytes_max)));
  return exit_failed;
}

}  // namespace

void add_healthcheck(CLI::App& app, Context& context) {
  const auto url = std::make_shared<std::optional<std::string>>();
  auto* command =
      app.add_subcommand("healthcheck", "Exit with 0 if the daemon can store writes, else with 1")
          ->fallthrough();
  command->add_option("--url", *url, "Ask here; else /readyz of admin.listen of the configuration")
      ->type_name("URL");
  command->callback([url, &context] {
    context.command = [url, &context] { return healthcheck(context, *url); };
  });
}

}  // namespace holdfast::cli
