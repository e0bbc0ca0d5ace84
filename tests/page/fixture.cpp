#include "fixture.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>

namespace holdfast::page {
namespace {

support::Browser& shared_browser() {
  static support::Browser browser;
  return browser;
}

support::PostgresCluster& shared_cluster() {
  static support::PostgresCluster cluster;
  return cluster;
}

std::string new_database() {
  static int made = 0;
  const auto name = std::format("page_{}", ++made);
  (void)shared_cluster().query("CREATE DATABASE " + name);
  return name;
}

}  // namespace

Rig::Rig(Options options) : browser(shared_browser()), token_(options.token) {
  support::DaemonConfig config;
  config.binary = HOLDFAST_BINARY;
  config.destination = options.destination_lines;
  if (options.destination) {
    database_ = new_database();
    gate = std::make_unique<support::TcpGate>(shared_cluster().port());
    config.destination_url =
        std::format("postgresql://postgres@127.0.0.1:{}/{}", gate->port(), database_);
  }
  // The sources follow the table [admin].
  if (!token_.empty()) config.sources = std::format("token = \"{}\"\n\n{}", token_, config.sources);
  daemon = std::make_unique<support::Daemon>(config);
  daemon->start();
  browser.begin_anew();
}

Rig::~Rig() {
  // Before the daemon goes: a page that asks a port that is gone complains in the next case.
  browser.open("about:blank");
}

std::string Rig::url(std::string_view hash) const {
  return std::format("http://127.0.0.1:{}/{}", daemon->admin_port(), hash);
}

void Rig::open(std::string_view hash) {
  browser.open(url(hash));
}

bool Rig::says(std::string_view css, std::string_view part,
               std::chrono::milliseconds deadline) const {
  const bool said = support::eventually([&] { return browser.text(css).contains(part); }, deadline);
  if (!said) UNSCOPED_INFO(css << " says: " << browser.text(css));
  return said;
}

bool Rig::comes_to(std::string_view css, std::size_t count) const {
  const bool came = support::eventually([&] { return browser.count(css) == count; }, soon);
  if (!came) UNSCOPED_INFO(css << " matches " << browser.count(css));
  return came;
}

void Rig::lose_postgres() {
  gate->set_mode(support::TcpGate::Mode::refuse);
  gate->cut_all();
}

void Rig::mend_postgres() {
  gate->heal();
}

std::string Rig::query(const std::string& sql) const {
  const auto rows = shared_cluster().query(sql, database_);
  return rows.empty() || rows[0].empty() ? "" : rows[0][0];
}

std::string Rig::post(const std::string& body, const std::string& dedupe_key) const {
  support::HttpHeaders headers{{"Content-Type", "application/json"}};
  if (!dedupe_key.empty()) headers.emplace_back("X-Key", dedupe_key);
  const auto response = support::post(
      daemon->port(), dedupe_key.empty() ? "/ingest/plain" : "/ingest/keyed", headers, body);
  REQUIRE(response.accepted());
  return response.header("Holdfast-Id");
}

void Rig::refuse_poison() {
  (void)post(R"({"first":true})");
  REQUIRE(daemon->drains(std::chrono::seconds(20)));
  (void)query(
      "ALTER TABLE holdfast.inbox ADD CONSTRAINT no_poison "
      "CHECK (position('poison'::bytea IN body) = 0)");
}

nlohmann::json Rig::api(const std::string& path) const {
  support::HttpRequest request{.method = "GET", .target = path};
  if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
  return nlohmann::json::parse(support::fetch(daemon->admin_port(), request).body);
}

}  // namespace holdfast::page
