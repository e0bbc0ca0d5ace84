// SIGHUP on the real daemon: no request is dropped, and each entry is delivered by the
// configuration in force at its delivery.

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <charconv>
#include <csignal>
#include <format>
#include <map>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

std::size_t count_in(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++count;
  return count;
}

/// Changes the file, sends SIGHUP, and waits until the daemon says that it goes by it.
void reload(Daemon& daemon, const std::function<void(DaemonConfig&)>& change) {
  const auto before = count_in(daemon.log_text(), " reloaded: ");
  daemon.reconfigure(change);
  daemon.send_signal(SIGHUP);
  const bool reloaded =
      eventually([&] { return count_in(daemon.log_text(), " reloaded: ") > before; }, 20s);
  INFO(daemon.log_text());
  REQUIRE(reloaded);
}

/// A source that marks each entry with a text, in a table of the test.
std::string marking_source(const std::string& mark) {
  return std::format(
      "[[source]]\nname = \"plain\"\nprovider = \"none\"\n"
      "write = [{{ statement = \"INSERT INTO marks VALUES ($1, '{}')\", "
      "parameters = [\"entry:id\"] }}]\n",
      mark);
}

std::string bearer_source(const std::string& name, const std::string& secrets) {
  return std::format("[[source]]\nname = \"{}\"\nprovider = \"bearer\"\nsecrets = [{}]\n", name,
                     secrets);
}

void make_marks(const PostgresCluster& cluster) {
  (void)cluster.query("CREATE TABLE marks (id uuid PRIMARY KEY, mark text)");
}

std::string mark_of(const PostgresCluster& cluster, const std::string& id) {
  const auto rows = cluster.query("SELECT mark FROM marks WHERE id = '" + id + "'");
  return rows.empty() ? "none" : rows.at(0).at(0);
}

int post_token(const Daemon& daemon, const std::string& source, const std::string& token) {
  return post(daemon.port(), "/ingest/" + source, {{"Authorization", "Bearer " + token}}, "{}")
      .status;
}

/// Every counter of the metrics, by its whole name.
std::map<std::string, double> counters(const Daemon& daemon) {
  std::map<std::string, double> found;
  const auto text = get(daemon.admin_port(), "/metrics").body;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    at = end + 1;
    const auto space = line.rfind(' ');
    const auto name = line.substr(0, line.find_first_of("{ "));
    if (!name.ends_with("_total") && !name.ends_with("_count")) continue;
    double value = 0;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    found[line.substr(0, space)] = value;
  }
  return found;
}

/// Those that are smaller than before, or gone.
std::string gone_down(const std::map<std::string, double>& before,
                      const std::map<std::string, double>& after) {
  std::string names;
  for (const auto& [name, value] : before)
    if (!after.contains(name) || after.at(name) < value) names += name + "\n";
  return names;
}

}  // namespace

TEST_CASE("e2e: twenty reloads under constant load lose no request, and everything arrives once",
          "[e2e][reload]") {
  PostgresCluster cluster;
  make_marks(cluster);
  DaemonConfig config = e2e::config_for(cluster.url());
  const auto keyed = std::string(
      "[[source]]\nname = \"keyed\"\nprovider = \"none\"\n"
      "dedupe = \"header:X-Key\"\n");
  config.sources = marking_source("0") + keyed + bearer_source("turning", "\"t0\", \"t1\"");
  Daemon daemon(config);
  daemon.start();
  const auto first = e2e::deliver_the_first(daemon, cluster);

  Load load({.senders = 8,
             .writes = 20'000,
             .make = e2e::mixed_write,
             .port = daemon.port(),
             .writes_per_second = 400});
  std::atomic<int> token = 1;  // That is taken at the moment, and by the next configuration.
  std::atomic<bool> done = false;
  std::atomic<int> taken = 0, kept_out = 0, extra_taken = 0, wrong = 0;
  std::jthread turning([&] {
    HttpConnection connection(daemon.port());
    while (!done) {
      const auto answer = connection.exchange(
          {.target = "/ingest/turning",
           .headers = {{"Authorization", std::format("Bearer t{}", token.load())}},
           .body = "{}"});
      ++(answer && answer->status == 202 ? taken : wrong);
    }
  });
  std::jthread others([&] {
    HttpConnection connection(daemon.port());
    while (!done) {
      const auto stale = connection.exchange({.target = "/ingest/turning",
                                              .headers = {{"Authorization", "Bearer never"}},
                                              .body = "{}"});
      ++(stale && stale->status == 401 ? kept_out : wrong);
      const auto extra = connection.exchange({.target = "/ingest/extra", .body = "{}"});
      if (extra && extra->status == 202)
        ++extra_taken;
      else if (!extra || extra->status != 404)
        ++wrong;
    }
  });
  auto last = counters(daemon);
  std::string down;
  for (int round = 1; round <= 20; ++round) {
    reload(daemon, [&](DaemonConfig& changed) {
      changed.sources = marking_source(std::to_string(round)) + keyed +
                        bearer_source("turning", std::format("\"t{}\", \"t{}\"", round, round + 1));
      // Also the last of them, so that what it took is delivered.
      if (round % 2 == 0) changed.sources += "[[source]]\nname = \"extra\"\nprovider = \"none\"\n";
    });
    const int done_before = load.done();
    CHECK(eventually([&] { return load.done() > done_before + 40; }, 10s));
    // The next configuration does not take this one's first token.
    token = round + 1;
    const int taken_before = taken;
    CHECK(eventually([&] { return taken > taken_before + 1; }, 10s));
    const auto now = counters(daemon);
    down += gone_down(last, now);
    last = now;
  }
  load.stop();
  auto outcomes = load.finish();
  done = true;
  turning.join();
  others.join();
  outcomes.push_back(first);
  CHECK(down == "");
  CHECK(wrong == 0);
  CHECK((taken > 40 && kept_out > 0 && extra_taken > 0));
  for (const auto& outcome : outcomes)
    if (outcome.ids.size() != 1 || outcome.unanswered + outcome.refused > 0)
      FAIL("lost: status " << outcome.last_status);
  everything_arrives(daemon, cluster, outcomes);
  // Each entry of the source with a statement was marked once.
  const auto marked = cluster.query(
      "SELECT count(*) FILTER (WHERE mark IS NULL), count(DISTINCT mark) > 10, count(*) > 400 "
      "FROM holdfast.inbox LEFT JOIN marks USING (id) WHERE source = 'plain'");
  CHECK(marked.at(0) == std::vector<std::string>{"0", "t", "t"});
  CHECK_FALSE(daemon.log_text().contains("reload_refused"));
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("e2e: the statement in force at the delivery runs, not the one at the receipt",
          "[e2e][reload]") {
  PostgresCluster cluster;
  make_marks(cluster);
  DaemonConfig config = e2e::config_for(cluster.url());
  config.sources = marking_source("old");
  Daemon daemon(config);
  daemon.start();
  const auto before = e2e::post_one(daemon, e2e::write_number(1, false));
  REQUIRE(daemon.drains(20s));
  cluster.stop();
  const auto during = e2e::post_one(daemon, e2e::write_number(2, false));
  reload(daemon, [](DaemonConfig& changed) { changed.sources = marking_source("new"); });
  CHECK(daemon.log_text().contains("changed=\"source plain: write\""));
  cluster.start();
  everything_arrives(daemon, cluster, {before, during});
  CHECK(mark_of(cluster, before.ids.at(0)) == "old");
  CHECK(mark_of(cluster, during.ids.at(0)) == "new");
}

TEST_CASE("e2e: after a reload new secrets are taken and old ones refused", "[e2e][reload]") {
  DaemonConfig config = e2e::config_for("");
  config.sources =
      "[[source]]\nname = \"in_file\"\nprovider = \"bearer\"\n"
      "secrets_file = \"secret\"\n" +
      bearer_source("act", "\"canary-old\"");
  Daemon daemon(config);
  write_file(daemon.folder() + "/secret", "canary-file-old\n");
  daemon.start();
  CHECK(post_token(daemon, "act", "canary-old") == 202);
  CHECK(post_token(daemon, "in_file", "canary-file-old") == 202);
  write_file(daemon.folder() + "/secret", "canary-file-new\n");
  reload(daemon, [](DaemonConfig& changed) {
    const auto at = changed.sources.find("canary-old");
    changed.sources.replace(at, 10, "canary-new");
  });
  CHECK(post_token(daemon, "act", "canary-old") == 401);
  CHECK(post_token(daemon, "act", "canary-new") == 202);
  CHECK(post_token(daemon, "in_file", "canary-file-old") == 401);
  CHECK(post_token(daemon, "in_file", "canary-file-new") == 202);
  const auto log = daemon.log_text();
  CHECK(log.contains("changed=\"source in_file: secrets; source act: secrets\""));
  CHECK_FALSE(log.contains("canary"));
}

TEST_CASE("e2e: after a reload the new admin token opens, and the old one does not",
          "[e2e][reload]") {
  DaemonConfig config = e2e::config_for("");
  const auto sources = config.sources;
  // What stands first there belongs to [admin].
  config.sources = "token = \"canary-old\"\n" + sources;
  Daemon daemon(config);
  daemon.start();
  const auto status_with = [&](const std::string& token) {
    return fetch(daemon.admin_port(), {.method = "GET",
                                       .target = "/api/v1/status",
                                       .headers = {{"Authorization", "Bearer " + token}}})
        .status;
  };
  CHECK(status_with("canary-old") == 200);
  reload(daemon,
         [&](DaemonConfig& changed) { changed.sources = "token = \"canary-new\"\n" + sources; });
  CHECK(status_with("canary-old") == 401);
  CHECK(status_with("canary-new") == 200);
  CHECK(daemon.log_text().contains("changed=admin.token"));
  CHECK_FALSE(daemon.log_text().contains("canary"));
}

TEST_CASE("e2e: a reload of a secret leaves the session to Postgres alone", "[e2e][reload]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  const auto plain = "[[source]]\nname = \"plain\"\nprovider = \"none\"\n";
  config.sources = plain + bearer_source("act", "\"old\"");
  config.destination = "idle_close = \"10m\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::post_one(daemon, e2e::write_number(1, false))};
  REQUIRE(daemon.drains(20s));
  reload(daemon,
         [&](DaemonConfig& changed) { changed.sources = plain + bearer_source("act", "\"new\""); });
  outcomes.push_back(e2e::post_one(daemon, e2e::write_number(2, false)));
  everything_arrives(daemon, cluster, outcomes);
  CHECK(count_in(daemon.log_text(), " destination_connected: ") == 1);
  CHECK_FALSE(daemon.log_text().contains(" destination_closed: "));
}

TEST_CASE("e2e: entries of a source that is gone wait as held, and drain once it is back",
          "[e2e][reload]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::post_one(daemon, e2e::write_number(1, false))};
  REQUIRE(daemon.drains(20s));
  cluster.stop();
  outcomes.push_back(e2e::post_one(daemon, e2e::write_number(2, false)));
  const auto counted = counters(daemon);
  const auto all = DaemonConfig().sources;
  reload(daemon, [](DaemonConfig& changed) {
    changed.sources =
        "[[source]]\nname = \"keyed\"\nprovider = \"none\"\n"
        "dedupe = \"header:X-Key\"\n";
  });
  CHECK(e2e::post_one(daemon, e2e::write_number(3, false)).last_status == 404);
  cluster.start();
  outcomes.push_back(e2e::post_one(daemon, e2e::write_number(4, true)));
  REQUIRE(eventually([&] { return daemon.pending() == 1; }, 20s));
  CHECK(stays([&] { return daemon.pending() == 1; }, 500ms));
  CHECK(daemon.run({"outbox", "list", "--state", "pending"}).out.contains("no such source"));
  CHECK(gone_down(counted, counters(daemon)) == "");
  reload(daemon, [&](DaemonConfig& changed) { changed.sources = all; });
  CHECK(gone_down(counted, counters(daemon)) == "");
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("e2e: with another destination later entries go there, and what waits goes, too",
          "[e2e][reload]") {
  PostgresCluster cluster;
  (void)cluster.query("CREATE DATABASE second");
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  const auto ids_in = [&](std::string_view database) {
    std::vector<std::string> ids;
    for (const auto& row : cluster.query("SELECT id FROM holdfast.inbox ORDER BY seq", database))
      ids.push_back(row.at(0));
    return ids;
  };
  const auto waits = e2e::post_one(daemon, e2e::write_number(1, false));
  CHECK(daemon.reaches_state("unconfigured", 5s));
  // The first that there is at all.
  reload(daemon, [&](DaemonConfig& changed) { changed.destination_url = cluster.url(); });
  REQUIRE(daemon.drains(20s));
  reload(daemon, [&](DaemonConfig& changed) { changed.destination_url = cluster.url("second"); });
  const auto later = e2e::post_one(daemon, e2e::write_number(2, false));
  REQUIRE(daemon.drains(20s));
  CHECK(ids_in("postgres") == waits.ids);
  CHECK(ids_in("second") == later.ids);
  CHECK(daemon.health().at("destination").at("last_error").is_null());
  // One that libpq cannot read is refused, and named without its text.
  daemon.reconfigure([](DaemonConfig& changed) { changed.destination_url = "canary://canary"; });
  daemon.send_signal(SIGHUP);
  REQUIRE(eventually([&] { return daemon.log_text().contains("key=destination.url"); }, 10s));
  CHECK_FALSE(daemon.log_text().contains("canary"));
  const auto last = e2e::post_one(daemon, e2e::write_number(3, false));
  REQUIRE(daemon.drains(20s));
  CHECK(ids_in("second").back() == last.ids.at(0));
}

TEST_CASE("e2e: SIGTERM is obeyed while a reload waits for a batch, and nothing is lost",
          "[e2e][reload]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  config.destination = "shutdown_timeout = \"20s\"\ndeliver_timeout = \"60s\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::post_one(daemon, e2e::write_number(1, false))};
  REQUIRE(daemon.drains(20s));
  std::jthread locks(
      [&] { (void)cluster.query("BEGIN; LOCK TABLE holdfast.inbox; SELECT pg_sleep(5); COMMIT"); });
  const auto in_activity = [&](const std::string& condition) {
    return cluster
               .query("SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND " +
                      condition)
               .size() == 1;
  };
  REQUIRE(eventually([&] { return in_activity("wait_event = 'PgSleep'"); }, 10s));
  outcomes.push_back(e2e::post_one(daemon, e2e::write_number(2, false)));
  const auto batch_waits = [&] { return in_activity("wait_event_type = 'Lock'"); };
  REQUIRE(eventually(batch_waits, 10s));
  daemon.reconfigure([](DaemonConfig& changed) { changed.destination += "batch_entries = 7\n"; });
  daemon.send_signal(SIGHUP);
  // While it waits requests are taken as always.
  outcomes.push_back(e2e::post_one(daemon, e2e::write_number(3, false)));
  CHECK(outcomes.back().last_status == 202);
  daemon.send_signal(SIGTERM);
  CHECK(eventually([&] { return daemon.log_text().contains(" stopping: "); }, 2s));
  CHECK(batch_waits());
  CHECK(daemon.wait_for_end() == 0);
  CHECK_FALSE(daemon.log_text().contains("reload"));
  locks.join();
  daemon.restart();
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("e2e: a file that is written piece by piece is taken once it is whole", "[e2e][reload]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  daemon.reconfigure([](DaemonConfig& changed) {
    changed.sources = "[[source]]\nname = \"late\"\nprovider = \"none\"\npath = \"/late\"\n";
  });
  const auto whole = read_file(daemon.config_path());
  for (std::size_t size = 0; size < whole.size() - 40; size += 40) {
    write_file(daemon.config_path(), whole.substr(0, size));
    daemon.send_signal(SIGHUP);
    REQUIRE(post(daemon.port(), "/ingest/plain", {}, "x").status == 202);
  }
  REQUIRE(eventually([&] { return daemon.log_text().contains("reload_refused"); }, 10s));
  write_file(daemon.config_path(), whole);
  daemon.send_signal(SIGHUP);
  CHECK(eventually([&] { return post(daemon.port(), "/late", {}, "x").status == 202; }, 10s));
  CHECK(daemon.log_text().contains("source late: added"));
}
