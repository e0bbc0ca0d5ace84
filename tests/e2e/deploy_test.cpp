// What lies in deploy/, held against the real daemon: metrics, rules and dashboard cannot drift.

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/http.hpp"
#include "support/process.hpp"
#include "support/scratch_folder.hpp"

using namespace holdfast;
using namespace holdfast::support;

namespace {

const std::string deploy = HOLDFAST_SOURCE_DIR "/deploy/";

CommandResult promtool(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "promtool");
  return run_command({.arguments = std::move(arguments)});
}

/// The exposition of a daemon that has delivered, refused and failed.
std::string real_metrics() {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const auto outcomes = Load(e2e::mixed_load(daemon, 20)).finish();
  everything_arrives(daemon, cluster, outcomes);
  CHECK(get(daemon.port(), "/nowhere").status == 404);
  return get(daemon.admin_port(), "/metrics").body;
}

std::set<std::string> names_in(const std::string& text) {
  const std::regex name("\\b(?:holdfast|process)_[a-z_]+\\b");
  std::set<std::string> names;
  for (std::sregex_iterator match(text.begin(), text.end(), name), end; match != end; ++match)
    names.insert(match->str());
  return names;
}

/// Names that have a sample, as a query would have to write them.
std::set<std::string> samples_in(const std::string& metrics) {
  const std::regex sample("(?:^|\n)([a-z_]+)[{ ]");
  std::set<std::string> names;
  for (std::sregex_iterator match(metrics.begin(), metrics.end(), sample), end; match != end;
       ++match)
    names.insert((*match)[1]);
  return names;
}

/// Every "expr" in the document, wherever it stands.
void collect_queries(const nlohmann::json& document, std::vector<std::string>& queries) {
  if (document.is_object() && document.contains("expr")) queries.push_back(document["expr"]);
  if (document.is_structured())
    for (const auto& part : document) collect_queries(part, queries);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

}  // namespace

TEST_CASE("e2e: promtool finds nothing wrong with the metrics of a real daemon",
          "[e2e][metrics][deploy]") {
  const ScratchFolder folder;
  write_file(folder.file("metrics"), real_metrics());
  const auto checked = run_command(
      {.arguments = {"sh", "-c", "promtool check metrics < " + folder.file("metrics")}});
  CHECK(checked.out + checked.err == "");
  CHECK(checked.exit_code == 0);
}

TEST_CASE("e2e: each alert fires on what it is for and not on what is like it",
          "[e2e][metrics][deploy]") {
  const auto checked = promtool({"check", "rules", deploy + "prometheus/holdfast.rules.yml"});
  INFO(checked.out << checked.err);
  CHECK(checked.exit_code == 0);
  const auto tested = promtool({"test", "rules", deploy + "prometheus/holdfast.rules.test.yml"});
  INFO(tested.out << tested.err);
  CHECK(tested.exit_code == 0);
}

TEST_CASE("e2e: rules and dashboard ask only for metrics that the daemon has",
          "[e2e][metrics][deploy]") {
  const auto samples = samples_in(real_metrics());
  REQUIRE(samples.contains("holdfast_outbox_commit_duration_seconds_bucket"));
  std::string rules;
  const std::string file = read_file(deploy + "prometheus/holdfast.rules.yml");
  // Comments and runbooks name files, not metrics.
  const std::regex prose("#[^\n]*|(?:runbook|name):[^\n]*");
  rules = std::regex_replace(file, prose, "");
  const auto dashboard = nlohmann::json::parse(read_file(deploy + "grafana/holdfast.json"));
  std::vector<std::string> queries;
  collect_queries(dashboard, queries);
  CHECK(queries.size() > 25);
  std::string asked = rules;
  std::string as_rules = "groups:\n- name: dashboard\n  rules:\n";
  for (const auto& query : queries) {
    asked += '\n' + query;
    const auto plain = replaced(replaced(query, "$__rate_interval", "1m"), "$instance", ".*");
    as_rules += std::format("  - record: dashboard:query:{}\n    expr: {}\n", as_rules.size(),
                            nlohmann::json(plain).dump());
  }
  for (const auto& name : names_in(asked)) {
    CAPTURE(name);
    CHECK(samples.contains(name));
  }
  // Prometheus itself reads each query of the dashboard.
  const ScratchFolder folder;
  write_file(folder.file("queries.yml"), as_rules);
  const auto checked = promtool({"check", "rules", folder.file("queries.yml")});
  INFO(checked.out << checked.err);
  CHECK(checked.exit_code == 0);
  CHECK(checked.out.contains(std::format("{} rules found", queries.size())));
}

TEST_CASE("e2e: the dashboard's panels have titles, descriptions and places of their own",
          "[e2e][deploy]") {
  const auto dashboard = nlohmann::json::parse(read_file(deploy + "grafana/holdfast.json"));
  std::set<int> ids;
  std::set<std::pair<int, int>> taken;
  for (const auto& panel : dashboard.at("panels")) {
    CAPTURE(panel.at("title"));
    CHECK(ids.insert(panel.at("id").get<int>()).second);
    const auto& place = panel.at("gridPos");
    CHECK(place.at("x").get<int>() + place.at("w").get<int>() <= 24);
    for (int x = place.at("x"); x < place.at("x").get<int>() + place.at("w").get<int>(); ++x)
      for (int y = place.at("y"); y < place.at("y").get<int>() + place.at("h").get<int>(); ++y)
        CHECK(taken.emplace(x, y).second);
    if (panel.at("type") == "row") continue;
    CHECK_FALSE(panel.at("description").get<std::string>().empty());
    CHECK_FALSE(panel.at("targets").empty());
  }
}
