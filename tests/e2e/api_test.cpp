#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>
#include <pqxx/pqxx>
#include <thread>

#include "fixture.hpp"
#include "support/admin_api.hpp"
#include "support/delivery.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string store(const Daemon& daemon, const std::string& body,
                  const std::string& source = "plain", HttpHeaders headers = {}) {
  headers.emplace_back("Content-Type", "application/json");
  const auto response = post(daemon.port(), "/ingest/" + source, headers, body);
  REQUIRE(response.accepted());
  return response.header("Holdfast-Id");
}

/// Lets the daemon make its tables, then makes `inbox` refuse every body with the word in it.
void refuse_poison(Daemon& daemon, PostgresCluster& cluster) {
  (void)e2e::deliver_the_first(daemon, cluster);
  (void)cluster.query(
      "ALTER TABLE holdfast.inbox ADD CONSTRAINT no_poison "
      "CHECK (position('poison'::bytea IN body) = 0)");
}

void accept_poison(const PostgresCluster& cluster) {
  (void)cluster.query("ALTER TABLE holdfast.inbox DROP CONSTRAINT no_poison");
}

bool in_inbox(const PostgresCluster& cluster, const std::string& id) {
  return cluster.query("SELECT 1 FROM holdfast.inbox WHERE id = '" + id + "'").size() == 1;
}

bool becomes(AdminApi& api, const std::string& id, const std::string& state) {
  return eventually(
      [&] { return api.get("/api/v1/entries/" + id).json.value("state", "") == state; }, 20s);
}

void fits_description(const Daemon& daemon, const AdminApi& api, bool all) {
  const std::string script = HOLDFAST_SOURCE_DIR "/tests/support/openapi_check.py";
  const std::string document = HOLDFAST_SOURCE_DIR "/src/observe/openapi/openapi.json";
  const auto path = daemon.folder() + "/exchanges";
  write_file(path, api.exchanges());
  const auto result = run_command({
      .arguments = {"sh", "-c",
                    std::format("python3 {} {} {} < {}", script, document, all ? "--all" : "",
                                path)},
  });
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 0);
}

}  // namespace

TEST_CASE("e2e: every operation of the admin API answers as its description says", "[e2e][api]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  refuse_poison(daemon, cluster);
  AdminApi api(daemon.admin_port());
  const auto dead = store(daemon, R"({"poison":1})", "keyed", {{"X-Key", "k1"}});
  const auto dead_too = store(daemon, R"({"poison":2})");
  const auto good = store(daemon, "\xff\x00 bytes", "keyed", {{"X-Key", "k2"}});
  REQUIRE(becomes(api, dead, "dead"));
  REQUIRE(becomes(api, dead_too, "dead"));
  REQUIRE(becomes(api, good, "delivered"));

  for (const auto* target : {"/livez", "/readyz", "/healthz", "/api/health", "/metrics",
                             "/api/v1/status", "/api/v1/history", "/api/v1/openapi.json",
                             "/api/v1/entries?limit=1", "/api/v1/entries?state=dead&sqlstate=23514",
                             "/api/v1/entries?key=k1&source=keyed&order=oldest"}) {
    CAPTURE(target);
    CHECK(api.get(target).status == 200);
  }
  const auto shown = api.get("/api/v1/entries/" + dead).json;
  CHECK(shown["body_text"] == R"({"poison":1})");
  CHECK(shown["attempts"].size() == 2);
  CHECK(shown["attempts"][0]["sqlstate"] == "23514");
  CHECK_FALSE(api.get("/api/v1/entries/" + good).json.contains("body_text"));

  CHECK(api.post("/api/v1/entries/retry?state=dead&dry_run=true").json ==
        json{{"matched", 2}, {"changed", 0}});
  accept_poison(cluster);
  CHECK(api.post("/api/v1/entries/" + dead + "/retry").json == json{{"changed", true}});
  REQUIRE(becomes(api, dead, "delivered"));
  CHECK(api.post("/api/v1/entries/" + dead + "/retry").status == 409);
  CHECK(api.post("/api/v1/entries/" + dead + "/discard").status == 409);
  CHECK(api.post("/api/v1/entries/retry?source=plain&state=dead").json ==
        json{{"matched", 1}, {"changed", 1}});
  REQUIRE(becomes(api, dead_too, "delivered"));

  const auto replay = api.post("/api/v1/entries/" + dead + "/replay").json;
  REQUIRE(replay.contains("id"));
  REQUIRE(becomes(api, replay["id"], "delivered"));
  CHECK(in_inbox(cluster, replay["id"]));
  CHECK(api.get("/api/v1/entries/" + replay["id"].get<std::string>()).json["replay_of"] == dead);
  CHECK(api.post("/api/v1/entries/replay?key=k2").json == json{{"matched", 1}, {"changed", 1}});

  CHECK(api.post("/api/v1/entries/" + dead + "/erase").json == json{{"changed", true}});
  CHECK(api.post("/api/v1/entries/" + dead + "/erase").json == json{{"changed", false}});
  CHECK(api.get("/api/v1/entries/" + dead).json["body_base64"].is_null());
  CHECK(api.post("/api/v1/entries/" + dead + "/replay").status == 409);

  const auto probed = api.post("/api/v1/relay/probe").json;
  CHECK(probed["ok"] == true);
  CHECK(probed.contains("took_seconds"));
  CHECK(api.post("/api/v1/relay/pause").json == json{{"changed", true}});
  CHECK(api.post("/api/v1/relay/pause").json == json{{"changed", false}});
  const auto waiting = store(daemon, "1");
  CHECK(api.post("/api/v1/entries/" + waiting + "/retry").json == json{{"changed", false}});
  CHECK(api.post("/api/v1/entries/" + waiting + "/discard").json == json{{"changed", true}});
  const auto another = store(daemon, "2");
  CHECK(api.post("/api/v1/entries/discard?state=pending").json ==
        json{{"matched", 1}, {"changed", 1}});
  CHECK(api.get("/api/v1/entries/" + another).json["state"] == "discarded");
  CHECK(api.post("/api/v1/relay/resume").json == json{{"changed", true}});
  CHECK(api.post("/api/v1/sources/plain/pause").json == json{{"changed", true}});
  CHECK(api.get("/api/v1/status").json["relay"]["paused_sources"][0]["reason"] == "operator");
  CHECK(api.post("/api/v1/sources/plain/resume").json == json{{"changed", true}});
  CHECK(api.post("/api/v1/sources/nobody/pause").status == 404);
  CHECK(api.post("/api/v1/sources/nobody/resume").status == 404);

  auto exported = json{{"entries", {shown}}};
  exported["entries"][0]["dedupe_key"] = nullptr;
  exported["entries"][0]["id"] = "01a223b8-e922-7000-8a57-1403ed58c63a";
  CHECK(api.post("/api/v1/entries/import", exported.dump()).json ==
        json{{"imported", 1}, {"duplicates", 0}});
  CHECK(api.post("/api/v1/entries/import", exported.dump()).json ==
        json{{"imported", 0}, {"duplicates", 1}});

  const auto audit = api.get("/api/v1/audit?limit=1000").json["events"];
  REQUIRE(audit.size() == 12);
  CHECK(audit[0]["action"] == "import");
  CHECK(audit[11]["action"] == "retry");
  CHECK(audit[11]["target"] == dead);
  CHECK(audit[10]["target"] == "source=plain state=dead");
  CHECK(audit[0]["token"] == "loopback");

  const auto unknown = "/api/v1/entries/01a223b8-0000-7000-8000-000000000000";
  CHECK(api.get(unknown).status == 404);
  CHECK(api.get("/api/v1/entries/nonsense").status == 404);
  for (const auto* action : {"/retry", "/discard", "/replay", "/erase"})
    CHECK(api.post(unknown + std::string(action)).status == 404);
  // The stream does not end; its events are looked at by a test of their own.
  api.record("GET", "/api/v1/stream", 200, "text/event-stream", "");
  fits_description(daemon, api, true);
  CHECK(daemon.drains(20s));
}

TEST_CASE("e2e: a bad filter, cursor or body is told with its field", "[e2e][api]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  for (int i = 0; i < 5; ++i) (void)store(daemon, std::to_string(i));
  AdminApi api(daemon.admin_port());
  const auto first = api.get("/api/v1/entries?limit=2&state=pending").json;
  REQUIRE(first["next_cursor"].is_string());
  const auto cursor = first["next_cursor"].get<std::string>();
  const auto second = api.get("/api/v1/entries?limit=4&state=pending&cursor=" + cursor).json;
  CHECK(second["entries"].size() == 3);
  CHECK(second["next_cursor"].is_null());
  struct Case {
    std::string query;
    std::string field;
  };
  for (const auto& [query, field] :
       std::vector<Case>{{"state=lost", "state"},
                         {"state=", "state"},
                         {"state=dead&state=pending", "state"},
                         {"since=yesterday", "since"},
                         {"until=24h", "until"},
                         {"sqlstate=2351", "sqlstate"},
                         {"sqlstate=23514x", "sqlstate"},
                         {"key=", "key"},
                         {"key=%FF", "key"},
                         {"source=%00", "source"},
                         {"order=up", "order"},
                         {"limit=0", "limit"},
                         {"limit=1001", "limit"},
                         {"limit=1e3", "limit"},
                         {"stat=dead", "stat"},
                         {"dry_run=true", "dry_run"},
                         {"cursor=xyz", "cursor"},
                         {"cursor=" + cursor, "cursor"},
                         {"state=dead&cursor=" + cursor, "cursor"},
                         {"state=pending&order=oldest&cursor=" + cursor, "cursor"}}) {
    CAPTURE(query);
    const auto refused = api.get("/api/v1/entries?" + query);
    CHECK(refused.status == 400);
    CHECK(refused.json.value("field", "") == field);
  }
  CHECK(api.get("/api/v1/entries?limit=1000").status == 200);
  for (const auto* query : {"", "dry_run=true"})
    CHECK(api.post(std::string("/api/v1/entries/discard?") + query).status == 400);
  CHECK(api.post("/api/v1/entries/discard?state=pending&limit=1").json["field"] == "limit");
  CHECK(api.post("/api/v1/entries/discard?state=pending&dry_run=maybe").json["field"] == "dry_run");
  CHECK(api.get("/api/v1/audit?cursor=-1").json["field"] == "cursor");
  CHECK(api.get("/api/v1/audit?limit=1&limit=2").json["field"] == "limit");

  CHECK(api.post("/api/v1/entries/import", "[]").status == 400);
  CHECK(api.post("/api/v1/entries/import", "{").status == 400);
  auto entry = api.get("/api/v1/entries/" + first["entries"][0]["id"].get<std::string>()).json;
  for (const auto& [field, value] :
       std::vector<std::pair<std::string, json>>{{"id", "x"},
                                                 {"state", "delivered"},
                                                 {"source", ""},
                                                 {"source", "two\nlines"},
                                                 {"received_at", "now"},
                                                 {"headers", {{"one"}}},
                                                 {"body_base64", "?"},
                                                 {"body_sha256", std::string(64, '0')},
                                                 {"dedupe_key", std::string(513, 'k')},
                                                 {"order_hash", "1x"},
                                                 {"target", 7}}) {
    CAPTURE(field);
    auto bad = entry;
    bad[field] = value;
    const auto refused = api.post("/api/v1/entries/import", json{{"entries", {entry, bad}}}.dump());
    CHECK(refused.status == 400);
    const auto shown = field == "body_sha256" ? std::string("body_base64") : field;
    CHECK(refused.json.value("field", "") == "entries[1]." + shown);
  }
  // Nothing of a refused body is imported.
  CHECK(daemon.pending() == 5);
  fits_description(daemon, api, false);
}

TEST_CASE("e2e: without a token no web page can read or post, with one the name is audited",
          "[e2e][api][security]") {
  Daemon open(e2e::config_for(""));
  open.start();
  AdminApi api(open.admin_port());
  const auto post_with = [&](HttpHeaders headers) {
    return api
        .send({.method = "POST", .target = "/api/v1/relay/pause", .headers = headers, .body = "{}"})
        .status;
  };
  CHECK(post_with({}) == 415);
  CHECK(post_with({{"Content-Type", "text/plain"}}) == 415);
  CHECK(post_with({{"Content-Type", "application/x-www-form-urlencoded"}}) == 415);
  CHECK(post_with({{"Content-Type", "application/json"}, {"Origin", "http://evil.example"}}) ==
        403);
  CHECK(post_with({{"Content-Type", "application/json"}, {"Origin", "null"}}) == 403);
  CHECK(post_with({{"Content-Type", "application/json"},
                   {"Origin", std::format("https://127.0.0.1:{}", open.admin_port())}}) == 403);
  CHECK(post_with({{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}) == 415);
  CHECK(post_with({{"Content-Type", "application/json"}, {"Range", "bytes=999-"}}) == 400);
  CHECK(open.health()["relay"]["paused"] == false);
  CHECK(post_with({{"Content-Type", "application/json; charset=utf-8"},
                   {"Origin", std::format("http://127.0.0.1:{}", open.admin_port())}}) == 200);
  const auto foreign = fetch(
      open.admin_port(),
      {.method = "GET", .target = "/api/v1/entries", .headers = {{"Host", "rebound.example"}}});
  CHECK(foreign.status >= 400);

  auto config = e2e::config_for("");
  config.sources +=
      "[[admin.token]]\nname = \"ann\"\nsecret = \"sesame\"\n"
      "[[admin.token]]\nname = \"bob\"\nsecret = \"mellon\"\n";
  Daemon closed(config);
  closed.start();
  AdminApi nobody(closed.admin_port());
  AdminApi wrong(closed.admin_port(), "sesam");
  AdminApi ann(closed.admin_port(), "sesame");
  AdminApi bob(closed.admin_port(), "mellon");
  for (const auto* target : {"/api/v1/entries", "/api/v1/audit", "/api/v1/openapi.json", "/metrics",
                             "/api/v1/stream", "/api/v1/history"}) {
    CHECK(nobody.get(target).status == 401);
    CHECK(wrong.get(target).status == 401);
  }
  CHECK(nobody.post("/api/v1/relay/pause").status == 401);
  CHECK(nobody.get("/api/health").status == 200);
  CHECK(ann.post("/api/v1/relay/pause").json["changed"] == true);
  // With a token a POST needs no more than the token.
  CHECK(bob.send({.method = "POST", .target = "/api/v1/relay/resume"}).json["changed"] == true);
  const auto events = bob.get("/api/v1/audit").json["events"];
  REQUIRE(events.size() == 2);
  CHECK(events[0]["token"] == "bob");
  CHECK(events[1]["token"] == "ann");
  const auto older = bob.get("/api/v1/audit?limit=1").json;
  CHECK(bob.get("/api/v1/audit?cursor=" + older["next_cursor"].get<std::string>())
            .json["events"][0]["token"] == "ann");
  CHECK(closed.log_text().contains("operator_change"));
  CHECK_FALSE(closed.log_text().contains("sesame"));
  CHECK(closed.run({"status"}).exit_code == 0);
}

TEST_CASE("e2e: the discard of an entry in flight waits for its outcome", "[e2e][api]") {
  PostgresCluster cluster;
  TcpGate gate(cluster.port());
  auto config = e2e::config_for(gate.url());
  config.destination =
      "connect_timeout = \"20s\"\ndeliver_timeout = \"20s\"\nbackoff_max = \"1s\"\n";
  Daemon daemon(config);
  daemon.start();
  (void)e2e::deliver_the_first(daemon, cluster);
  AdminApi api(daemon.admin_port());
  // A lock holds the batch inside Postgres.
  pqxx::connection locker(cluster.url());
  pqxx::work lock(locker);
  lock.exec("LOCK TABLE holdfast.inbox IN ACCESS EXCLUSIVE MODE");
  const auto id = store(daemon, "1");
  REQUIRE(eventually(
      [&] { return cluster.query("SELECT 1 FROM pg_locks WHERE NOT granted").size() == 1; }, 20s));
  std::atomic<int> status = 0;
  std::jthread discarding([&] {
    AdminApi other(daemon.admin_port());
    status = other.post("/api/v1/entries/" + id + "/discard").status;
  });
  CHECK(stays([&] { return status == 0; }, 1s));
  lock.abort();
  discarding.join();
  CHECK(status == 409);
  CHECK(in_inbox(cluster, id));
  CHECK(api.get("/api/v1/entries/" + id).json["state"] == "delivered");
}

TEST_CASE("e2e: operators who wait for deliveries do not silence health", "[e2e][api]") {
  PostgresCluster cluster;
  auto config = e2e::config_for(cluster.url());
  config.destination = "connect_timeout = \"60s\"\ndeliver_timeout = \"60s\"\n";
  Daemon daemon(config);
  daemon.start();
  (void)e2e::deliver_the_first(daemon, cluster);
  pqxx::connection locker(cluster.url());
  pqxx::work lock(locker);
  lock.exec("LOCK TABLE holdfast.inbox IN ACCESS EXCLUSIVE MODE");
  const auto id = store(daemon, "1");
  REQUIRE(eventually(
      [&] { return cluster.query("SELECT 1 FROM pg_locks WHERE NOT granted").size() == 1; }, 20s));
  std::vector<std::unique_ptr<HttpConnection>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(std::make_unique<HttpConnection>(daemon.admin_port()));
    REQUIRE(waiting.back()->send_bytes("POST /api/v1/entries/" + id +
                                       "/discard HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                                       "application/json\r\nContent-Length: 0\r\n\r\n"));
  }
  AdminApi api(daemon.admin_port());
  const auto too_many = [&] {
    const auto answer = api.post("/api/v1/relay/pause");
    return answer.status == 503 &&
           answer.json["detail"] == "Too many changes are under way; ask again.";
  };
  CHECK(eventually(too_many, 10s));
  for (int i = 0; i < 5; ++i) CHECK(get(daemon.admin_port(), "/readyz").status == 200);
  lock.abort();
  CHECK(becomes(api, id, "delivered"));
  CHECK(eventually([&] { return api.post("/api/v1/relay/pause").status == 200; }, 10s));
}

TEST_CASE("e2e: SIGTERM does not wait for an operator who waits", "[e2e][api]") {
  PostgresCluster cluster;
  auto config = e2e::config_for(cluster.url());
  config.destination += "shutdown_timeout = \"1s\"\n";
  Daemon daemon(config);
  daemon.start();
  (void)e2e::deliver_the_first(daemon, cluster);
  pqxx::connection locker(cluster.url());
  pqxx::work lock(locker);
  lock.exec("LOCK TABLE holdfast.inbox IN ACCESS EXCLUSIVE MODE");
  const auto id = store(daemon, "1");
  REQUIRE(eventually(
      [&] { return cluster.query("SELECT 1 FROM pg_locks WHERE NOT granted").size() == 1; }, 20s));
  std::atomic<int> status = 0;
  std::jthread discarding([&] {
    HttpConnection connection(daemon.admin_port(), 60s);
    const auto answer = connection.exchange({.method = "POST",
                                             .target = "/api/v1/entries/" + id + "/discard",
                                             .headers = {{"Content-Type", "application/json"}}});
    status = answer ? answer->status : -1;
  });
  CHECK(stays([&] { return status == 0; }, 300ms));
  const SystemClock clock;
  const auto start = clock.steady_now();
  CHECK(daemon.terminate() == 0);
  CHECK(clock.steady_now() - start < 15s);
  discarding.join();
  lock.abort();
  daemon.restart();
  REQUIRE(daemon.drains(30s));
  // The delivery was given up: whoever was told that the entry is discarded was told the truth.
  CHECK(in_inbox(cluster, id) == (status != 200));
}

TEST_CASE("e2e: two operators who retry the same dead entries deliver them once", "[e2e][api]") {
  PostgresCluster cluster;
  auto config = e2e::config_for(cluster.url());
  config.sources =
      "[[source]]\nname = \"plain\"\nprovider = \"none\"\nwrite = [{ statement = \"INSERT INTO "
      "effects VALUES (1)\", parameters = [] }]\n[[source]]\nname = \"keyed\"\nprovider = "
      "\"none\"\n";
  (void)cluster.query("CREATE TABLE effects (n int)");
  Daemon daemon(config);
  daemon.start();
  refuse_poison(daemon, cluster);
  (void)cluster.query("DELETE FROM effects");
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(store(daemon, std::format("{{\"poison\":{}}}", i)));
  AdminApi api(daemon.admin_port());
  for (const auto& id : ids) REQUIRE(becomes(api, id, "dead"));
  accept_poison(cluster);
  std::atomic<int> changed = 0;
  {
    std::vector<std::jthread> operators;
    for (int i = 0; i < 4; ++i)
      operators.emplace_back([&, i] {
        AdminApi mine(daemon.admin_port());
        if (i % 2 == 0) {
          changed += mine.post("/api/v1/entries/retry?state=dead").json.value("changed", 0);
        } else {
          for (const auto& id : ids)
            if (mine.post("/api/v1/entries/" + id + "/retry").json.value("changed", false))
              ++changed;
        }
      });
  }
  CHECK(changed == 10);
  REQUIRE(daemon.drains(30s));
  CHECK(cluster.query("SELECT count(*) FROM effects")[0][0] == "10");
}

TEST_CASE("e2e: a probe tells what is wrong, and once Postgres is back delivers at once",
          "[e2e][api]") {
  PostgresCluster cluster;
  TcpGate gate(cluster.port());
  auto config = e2e::config_for(gate.url());
  config.destination = "backoff_initial = \"5m\"\nbackoff_max = \"5m\"\n";
  Daemon daemon(config);
  daemon.start();
  (void)e2e::deliver_the_first(daemon, cluster);
  gate.set_mode(TcpGate::Mode::refuse);
  gate.cut_all();
  const auto id = store(daemon, "1");
  REQUIRE(daemon.reaches_state("backing_off", 20s));
  AdminApi api(daemon.admin_port());
  const auto failed = api.post("/api/v1/relay/probe").json;
  CHECK(failed["ok"] == false);
  CHECK(failed["error"].get<std::string>().contains("refused"));
  CHECK(failed["state"] == "backing_off");
  CHECK_FALSE(failed["error"].get<std::string>().contains("127.0.0.1"));
  gate.set_mode(TcpGate::Mode::pass);
  CHECK(api.post("/api/v1/relay/probe").json["ok"] == true);
  CHECK(becomes(api, id, "delivered"));
}

TEST_CASE("e2e: an operator's pauses outlive kill -9", "[e2e][api][crash]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  (void)e2e::deliver_the_first(daemon, cluster);
  AdminApi api(daemon.admin_port());
  CHECK(api.post("/api/v1/sources/plain/pause").json["changed"] == true);
  const auto held = store(daemon, "1");
  const auto free = store(daemon, "2", "keyed");
  CHECK(becomes(api, free, "delivered"));
  daemon.kill_hard();
  daemon.restart();
  CHECK(daemon.health()["relay"]["paused_sources"] == json{"plain"});
  CHECK(becomes(api, store(daemon, "3", "keyed"), "delivered"));
  CHECK(api.get("/api/v1/entries/" + held).json["state"] == "pending");
  CHECK(api.post("/api/v1/sources/plain/resume").json["changed"] == true);
  CHECK(becomes(api, held, "delivered"));
}

TEST_CASE("e2e: the stream has an event a second, a limit, and ends with the process",
          "[e2e][api]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  const auto curl = [&] {
    const auto url = std::format("http://127.0.0.1:{}/api/v1/stream", daemon.admin_port());
    return run_command({.arguments = {"curl", "-sN", "--max-time", "2.5", url}, .out_path = {}})
        .out;
  };
  const auto text = curl();
  CHECK(text.starts_with("event: status\ndata: {"));
  CHECK(std::ranges::count(text, '{') > 6);
  CHECK(text.contains("}\n\nevent: status\ndata: {"));

  std::vector<std::unique_ptr<HttpConnection>> streams;
  for (int i = 0; i < 16; ++i) {
    auto& stream = streams.emplace_back(std::make_unique<HttpConnection>(daemon.admin_port()));
    REQUIRE(stream->send_bytes("GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  }
  const auto refused = [&] {
    const auto answer = curl();
    return answer.contains("Too many streams");
  };
  CHECK(eventually(refused, 10s));
  CHECK(get(daemon.admin_port(), "/readyz").status == 200);
  streams.clear();
  CHECK(eventually([&] { return curl().starts_with("event: status"); }, 20s));

  HttpConnection open(daemon.admin_port());
  REQUIRE(open.send_bytes("GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  const SystemClock clock;
  const auto start = clock.steady_now();
  CHECK(daemon.terminate() == 0);
  CHECK(clock.steady_now() - start < 8s);
}
