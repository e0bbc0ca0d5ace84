#include <catch2/catch_test_macros.hpp>
#include <format>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "base/encoding.hpp"
#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

WriteOutcome write_with_body(const std::string& body) {
  WriteOutcome write;
  write.request = {
      .target = "/ingest/plain", .headers = {{"Content-Type", "application/json"}}, .body = body};
  return write;
}

/// The entries of a listing, whether it is the array itself or an object that holds it.
json entries_of(const CommandResult& listing) {
  INFO(listing.out << listing.err);
  REQUIRE(listing.exit_code == 0);
  const json document = json::parse(listing.out);
  return document.is_array() ? document : document.at("entries");
}

json dead_entries(const Daemon& daemon) {
  return entries_of(daemon.run({"outbox", "list", "--state", "dead", "--json"}));
}

std::set<std::string> ids_in(const json& entries) {
  std::set<std::string> ids;
  for (const json& entry : entries) ids.insert(entry.at("id").get<std::string>());
  return ids;
}

/// body (as SHA-256), payload (empty if null) and flags of a stored entry.
std::vector<std::string> stored(const PostgresCluster& cluster, const WriteOutcome& write) {
  const auto rows = cluster.query(
      "SELECT encode(sha256(body), 'hex'), coalesce(payload::text, ''), flags::text "
      "FROM holdfast.inbox WHERE id = '" +
      write.ids.at(0) + "'");
  REQUIRE(rows.size() == 1);
  return rows[0];
}

void check_unfit(const PostgresCluster& cluster, const WriteOutcome& write) {
  const auto row = stored(cluster, write);
  CHECK(row[0] == base::sha256_hex(write.request.body));
  CHECK(row[1].empty());
  CHECK(row[2] == "{payload_unfit}");
}

/// Lets the daemon make its tables, then makes `inbox` refuse every body with the word in it.
void refuse_the_word_poison(Daemon& daemon, PostgresCluster& cluster) {
  (void)e2e::deliver_the_first(daemon, cluster);
  (void)cluster.query(
      "ALTER TABLE holdfast.inbox ADD CONSTRAINT no_poison "
      "CHECK (position('poison'::bytea IN body) = 0)");
}

}  // namespace

TEST_CASE("e2e: a backlog with poison in it is stored but for the poison", "[e2e][poison]") {
  PostgresCluster cluster;
  TcpGate gate(cluster.port());
  Daemon daemon(e2e::config_for(gate.url()));
  daemon.start();
  refuse_the_word_poison(daemon, cluster);

  gate.set_mode(TcpGate::Mode::refuse);
  gate.cut_all();
  std::vector<WriteOutcome> good;
  std::vector<WriteOutcome> unfit;
  std::vector<WriteOutcome> poison;
  for (int number = 0; number < 500; ++number) {
    const auto post = [&](const std::string& body) {
      return e2e::post_one(daemon, write_with_body(body));
    };
    switch (number) {
      case 77: unfit.push_back(post(R"({"nul":"a\u0000b"})")); break;
      case 177: unfit.push_back(post(std::string(20'000, '[') + std::string(20'000, ']'))); break;
      case 277: unfit.push_back(post("{\"bytes\":\"\xff\xfe\xc0\x80\"}")); break;
      case 300: poison.push_back(post(R"({"kind":"poison","number":1})")); break;
      case 301: poison.push_back(post(R"({"kind":"poison","number":2})")); break;
      default: good.push_back(post(std::format(R"({{"number":{}}})", number)));
    }
  }
  REQUIRE(daemon.pending() == 500);
  gate.heal();
  REQUIRE(daemon.drains(60s));

  CHECK(daemon.health().at("outbox").at("dead") == 2);
  CHECK(daemon.health().at("status") == "ok");
  CHECK(inbox_rows(cluster) == 1 + 498);
  CHECK(delivery_problems(cluster, good).empty());
  const auto flagged = cluster.query("SELECT id FROM holdfast.inbox WHERE flags <> '{}'");
  CHECK(flagged.size() == unfit.size());
  for (const WriteOutcome& write : unfit) check_unfit(cluster, write);

  const json dead = dead_entries(daemon);
  CHECK(ids_in(dead) == std::set<std::string>{poison[0].ids.at(0), poison[1].ids.at(0)});
  for (const json& entry : dead) {
    CHECK(entry.at("state") == "dead");
    CHECK(entry.at("sqlstate") == "23514");
    CHECK(entry.at("constraint") == "no_poison");
    CHECK(entry.at("error").get<std::string>().contains("no_poison"));
  }
  const CommandResult shown = daemon.run({"outbox", "show", poison[0].ids.at(0), "--json"});
  REQUIRE(shown.exit_code == 0);
  const json entry = json::parse(shown.out);
  CHECK(entry.at("body_text") == poison[0].request.body);
  CHECK(entry.at("attempts").size() == 2);
  CHECK(entry.at("attempts").at(0).at("sqlstate") == "23514");
  CHECK_FALSE(daemon.log_text().contains("\"kind\""));
}

TEST_CASE("e2e: a poison entry that comes alone is dead, not pending for ever", "[e2e][poison]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  refuse_the_word_poison(daemon, cluster);
  const WriteOutcome poison = e2e::post_one(daemon, write_with_body("only poison"));
  REQUIRE(daemon.drains(20s));
  CHECK(ids_in(dead_entries(daemon)) == std::set<std::string>{poison.ids.at(0)});
  CHECK(inbox_rows(cluster) == 1);

  const WriteOutcome after = e2e::post_one(daemon, write_with_body("fine again"));
  REQUIRE(daemon.drains(20s));
  CHECK(stored(cluster, after)[0] == base::sha256_hex("fine again"));
  CHECK(dead_entries(daemon).size() == 1);
}

TEST_CASE("e2e: when a source brings nothing but poison, that source alone is paused",
          "[e2e][poison]") {
  PostgresCluster cluster;
  TcpGate gate(cluster.port());
  Daemon daemon(e2e::config_for(gate.url()));
  daemon.start();
  refuse_the_word_poison(daemon, cluster);
  gate.set_mode(TcpGate::Mode::refuse);
  gate.cut_all();
  for (int number = 0; number < 100; ++number)
    (void)e2e::post_one(daemon, write_with_body(std::format("poison {}", number)));
  const WriteOutcome other = e2e::post_one(daemon, e2e::write_number(1, true));
  gate.heal();

  CHECK(eventually([&] { return !daemon.health().at("relay").at("paused_sources").empty(); }, 30s));
  const json health = daemon.health();
  CHECK(health.at("status") == "degraded");
  CHECK(health.at("relay").at("paused_sources").dump().contains("plain"));
  CHECK(health.at("outbox").at("dead") >= 20);
  CHECK(health.at("outbox").at("dead") <= 25);
  CHECK(eventually([&] { return inbox_rows(cluster) == 2; }, 20s));
  CHECK(stored(cluster, other)[0] == base::sha256_hex(other.request.body));
}

TEST_CASE("e2e: hundreds of dead entries are twenty lines of log and a count", "[e2e][poison]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  CHECK(e2e::deliver_the_first(daemon, cluster).last_status == 202);
  cluster.query(
      "ALTER TABLE holdfast.inbox ADD CHECK (position('bad' IN encode(body, 'escape')) = 0)");
  // Good ones between them: else the source would be paused after twenty.
  const int dead = 300;
  for (int i = 0; i < dead; ++i)
    for (const std::string word : {"bad", "good"})
      REQUIRE(e2e::post_one(daemon, write_with_body(std::format(R"({{"{}":{}}})", word, i)))
                  .last_status == 202);
  REQUIRE(eventually([&] { return daemon.health().at("outbox").at("dead") == dead; }, 60s));
  REQUIRE(daemon.drains(60s));
  CHECK(daemon.terminate() == 0);
  const std::string log = daemon.log_text();
  std::size_t lines = 0;
  for (auto at = log.find(" warn entry_dead: "); at != std::string::npos;
       at = log.find(" warn entry_dead: ", at + 1))
    ++lines;
  CHECK(lines >= 20);
  CHECK(lines < dead / 2);
  // Nothing is hidden: what has no line is counted.
  std::size_t counted = 0;
  const std::regex summary(" warn event_repeated: .* repeated_event=entry_dead .* count=([0-9]+)");
  for (std::sregex_iterator match(log.begin(), log.end(), summary), end; match != end; ++match)
    counted += std::stoul((*match)[1]);
  CHECK(lines + counted == dead);
}
