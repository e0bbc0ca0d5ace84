#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <format>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// Runs a command that must end well, and gives what it printed.
std::string good(const Daemon& daemon, std::vector<std::string> arguments) {
  const auto result = daemon.run(std::move(arguments));
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 0);
  return result.out;
}

std::vector<std::string> ids_in(const Daemon& daemon, const std::string& state) {
  std::vector<std::string> ids;
  const auto listed = json::parse(good(daemon, {"outbox", "list", "--state", state, "--json"}));
  for (const auto& entry : listed["entries"]) ids.push_back(entry["id"]);
  return ids;
}

/// Posts writes that `inbox` refuses, until all of them are dead.
std::vector<std::string> make_dead(Daemon& daemon, PostgresCluster& cluster, int count) {
  (void)e2e::deliver_the_first(daemon, cluster);
  (void)cluster.query(
      "ALTER TABLE holdfast.inbox ADD CONSTRAINT none CHECK (source = 'nobody') NOT VALID");
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i)
    ids.push_back(e2e::post_one(daemon, e2e::mixed_write(i)).ids.at(0));
  const bool all_dead = eventually(
      [&] { return ids_in(daemon, "dead").size() == static_cast<std::size_t>(count); }, 30s);
  CAPTURE(daemon.log_text());
  REQUIRE(all_dead);
  return ids;
}

std::string rows_of(const PostgresCluster& cluster, const std::string& id) {
  return cluster.query("SELECT count(*) FROM holdfast.inbox WHERE id = '" + id + "'").at(0).at(0);
}

/// All bytes of an outbox, its WAL included.
bool outbox_contains(const Daemon& daemon, const std::string& text) {
  for (const auto& file : std::filesystem::directory_iterator(
           std::filesystem::path(daemon.outbox_path()).parent_path()))
    if (file.path().string().starts_with(daemon.outbox_path()) &&
        read_file(file.path().string()).contains(text))
      return true;
  return false;
}

}  // namespace

TEST_CASE("e2e: dead entries are retried by filter once the table is mended",
          "[e2e][cli][operator]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const auto ids = make_dead(daemon, cluster, 6);
  CHECK(good(daemon, {"outbox", "retry", "--sqlstate", "23514", "--dry-run"}) ==
        "6 dead entries with SQLSTATE 23514 would be retried\n");
  CHECK(ids_in(daemon, "dead").size() == 6);
  (void)cluster.query("ALTER TABLE holdfast.inbox DROP CONSTRAINT none");
  CHECK(good(daemon, {"outbox", "retry", "--source", "keyed", "--yes"}) ==
        "3 dead entries of source keyed retried\n");
  CHECK(good(daemon, {"outbox", "retry", "--sqlstate", "23514", "--yes"}) ==
        "3 dead entries with SQLSTATE 23514 retried\n");
  REQUIRE(daemon.drains(30s));
  for (const auto& id : ids) CHECK(rows_of(cluster, id) == "1");
  CHECK(ids_in(daemon, "dead").empty());
  CHECK(good(daemon, {"reconcile", "--since", "1h"}).ends_with("\n0 missing\n"));

  // What is not for a retry is refused with its reason.
  const auto again = daemon.run({"outbox", "retry", ids[0]});
  CHECK(again.exit_code == 1);
  CHECK(again.err.contains("(status 409)"));
  const auto unknown = daemon.run({"outbox", "retry", "00000000-0000-7000-8000-000000000000"});
  CHECK(unknown.exit_code == 1);
  CHECK(unknown.err.contains("(status 404)"));
  const auto odd = daemon.run({"outbox", "retry", "--sqlstate", "x", "--yes"});
  CHECK(odd.exit_code == 1);
  CHECK(odd.err.contains("(status 400)"));
}

TEST_CASE("e2e: a dead entry is discarded, and another replayed", "[e2e][cli][operator]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const auto ids = make_dead(daemon, cluster, 2);
  CHECK(good(daemon, {"outbox", "discard", ids[0]}) == ids[0] + " is discarded\n");
  CHECK(good(daemon, {"outbox", "discard", ids[0]}) ==
        ids[0] + " is discarded already; nothing was changed\n");
  (void)cluster.query("ALTER TABLE holdfast.inbox DROP CONSTRAINT none");
  const auto replayed = good(daemon, {"outbox", "replay", ids[1]});
  REQUIRE(replayed.starts_with(ids[1] + " is replayed as "));
  const auto copy = replayed.substr(ids[1].size() + 16, 36);
  REQUIRE(daemon.drains(30s));
  CHECK(rows_of(cluster, copy) == "1");
  CHECK(rows_of(cluster, ids[0]) == "0");
  CHECK(rows_of(cluster, ids[1]) == "0");
  CHECK(json::parse(good(daemon, {"outbox", "show", copy, "--json"}))["replay_of"] == ids[1]);
}

TEST_CASE("e2e: a person's data goes when an entry is erased, and the receipt stays",
          "[e2e][cli][operator]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  auto write = e2e::write_number(1, true);
  write.request.body = R"({"name":"canary-person"})";
  write.request.headers.emplace_back("X-Person", "canary-header");
  const auto id = e2e::post_one(daemon, write).ids.at(0);
  REQUIRE(daemon.drains(30s));
  CHECK(outbox_contains(daemon, "canary-person"));
  CHECK(good(daemon, {"outbox", "erase", id}) == id + " is erased; its receipt is left\n");
  CHECK(good(daemon, {"outbox", "erase", id}).contains("nothing was changed"));
  const auto shown = good(daemon, {"outbox", "show", id, "--json"});
  CHECK_FALSE(shown.contains("canary"));
  const auto entry = json::parse(shown);
  CHECK(entry["state"] == "delivered");
  CHECK(entry["payload_kept"] == false);
  CHECK(entry["body_sha256"].get<std::string>().size() == 64);
  CHECK_FALSE(good(daemon, {"outbox", "list", "--json"}).contains("canary"));
  CHECK_FALSE(good(daemon, {"outbox", "export"}).contains("canary"));
  CHECK(daemon.terminate() == 0);
  CHECK_FALSE(outbox_contains(daemon, "canary"));
}

TEST_CASE("e2e: an export of one outbox is imported into another, once", "[e2e][cli][operator]") {
  PostgresCluster cluster;
  Daemon from(e2e::config_for(""));
  from.start();
  std::vector<std::string> bodies;
  for (int i = 0; i < 12; ++i) {
    const auto write = e2e::post_one(from, e2e::mixed_write(i));
    bodies.push_back(write.request.body);
  }
  const auto file = from.folder() + "/export.jsonl";
  CHECK(good(from, {"outbox", "export", "--state", "pending", "-o", file}) ==
        "exported 12 entries to " + file + "\n");
  Daemon into(e2e::config_for(cluster.url()));
  into.start();
  CHECK(good(into, {"outbox", "import", file}) ==
        "12 imported, 0 there already, 0 skipped (delivered or discarded), 0 bad lines\n");
  CHECK(good(into, {"outbox", "import", file}) ==
        "0 imported, 12 there already, 0 skipped (delivered or discarded), 0 bad lines\n");
  REQUIRE(into.drains(30s));
  const auto rows =
      cluster.query("SELECT convert_from(body, 'UTF8') FROM holdfast.inbox ORDER BY seq");
  REQUIRE(rows.size() == bodies.size());
  for (std::size_t i = 0; i < bodies.size(); ++i) CHECK(rows[i].at(0) == bodies[i]);
  // What is delivered is not imported a third time.
  const auto delivered = into.folder() + "/delivered.jsonl";
  (void)good(into, {"outbox", "export", "-o", delivered});
  CHECK(good(from, {"outbox", "import", delivered}).contains("12 skipped"));
}

TEST_CASE("e2e: an export that nobody reads on does not keep the WAL from being emptied",
          "[e2e][cli][operator]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  for (int i = 0; i < 30; ++i)
    CHECK(e2e::post_one(daemon, e2e::write_number(i, true, 10'000)).last_status == 202);
  const auto pipe = daemon.folder() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  Process exporting(
      {.arguments = {HOLDFAST_BINARY, "outbox", "export", "--config", daemon.config_path()},
       .out_path = pipe});
  int waiting = 0;
  // A pipe takes 64 KiB: the command waits for its reader in the middle of its work.
  CHECK(eventually([&] { return ::ioctl(reader, FIONREAD, &waiting) == 0 && waiting >= 60'000; },
                   10s));
  CHECK(e2e::post_one(daemon, e2e::write_number(99, true)).last_status == 202);
  CHECK(eventually([&] { return read_file(daemon.outbox_path() + "-wal").empty(); }, 30s));
  CHECK(exporting.running());
  ::close(reader);
  // Its reader is gone: that is no whole export.
  CHECK(exporting.wait(10s).value_or(0) != 0);
}

TEST_CASE("e2e: what Postgres has lost is sent again, and then nothing is missing",
          "[e2e][cli][operator][reconcile]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(e2e::post_one(daemon, e2e::mixed_write(i)).ids.at(0));
  REQUIRE(daemon.drains(30s));
  (void)cluster.query(
      std::format("DELETE FROM holdfast.inbox WHERE id IN ('{}', '{}')", ids[3], ids[4]));
  const auto sent = daemon.run({"reconcile", "--since", "1h", "--resend", "--json"});
  CAPTURE(sent.out, sent.err);
  CHECK(sent.exit_code == 1);
  const auto missing = json::parse(sent.out)["missing"];
  REQUIRE(missing.size() == 2);
  CHECK(missing[0]["id"] == ids[3]);
  CHECK(missing[0]["sent_again_as"].is_string());
  REQUIRE(daemon.drains(30s));
  const auto whole = good(daemon, {"reconcile", "--since", "1h", "--resend"});
  CHECK(whole.ends_with("\n0 missing\n"));
  CHECK(whole.contains("accepted   12  (2 of them replays)\nheld       12\n"));
  CHECK(cluster.query("SELECT count(*) FROM holdfast.inbox").at(0).at(0) == "10");
}
