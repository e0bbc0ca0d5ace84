#include <format>
#include <nlohmann/json.hpp>

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

/// The answer as it came; false if it is no JSON.
bool print_document(const std::string& body) {
  if (!nlohmann::json::accept(body)) return false;
  print(body.ends_with('\n') ? body : body + '\n');
  return true;
}

int healthcheck(const Context& context, const std::optional<std::string>& url, bool as_json) {
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
  const bool told = !as_json || print_document(reply->body);
  if (!told)
    print_error(std::format("{}{} answered no JSON; check the address", target.url, target.path));
  if (reply->status == 200) return told ? exit_good : exit_failed;
  print_error(std::format("not ready: {}{} answered {} {}", target.url, target.path, reply->status,
                          reply->body.substr(0, shown_bytes_max)));
  return exit_failed;
}

}  // namespace

void add_healthcheck(CLI::App& app, Context& context) {
  const auto url = std::make_shared<std::optional<std::string>>();
  const auto json = std::make_shared<bool>(false);
  auto* command =
      app.add_subcommand("healthcheck", "Exit with 0 if the daemon can store writes, else with 1")
          ->fallthrough();
  command->add_option("--url", *url, "Ask here; else /readyz of admin.listen of the configuration")
      ->type_name("URL");
  command->add_flag("--json", *json, "Print the daemon's answer as it is");
  command->callback([url, json, &context] {
    context.command = [url, json, &context] { return healthcheck(context, *url, *json); };
  });
}

}  // namespace holdfast::cli
