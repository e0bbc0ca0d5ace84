#include "support/delivery.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <map>
#include <set>
#include <unordered_map>

#include "base/encoding.hpp"

namespace holdfast::support {
namespace {

/// What `inbox` holds, by id and by the digest of the body.
struct Inbox {
  std::unordered_map<std::string, std::string> body_of_id;
  std::unordered_map<std::string, int> rows_of_body;
};

Inbox read_inbox(const PostgresCluster& cluster) {
  Inbox inbox;
  for (const auto& row :
       cluster.query("SELECT id, encode(sha256(body), 'hex') FROM holdfast.inbox")) {
    inbox.body_of_id.emplace(row[0], row[1]);
    ++inbox.rows_of_body[row[1]];
  }
  return inbox;
}

/// What is wrong with one write, or nothing.
std::string problem_with(const WriteOutcome& outcome, const Inbox& inbox) {
  const std::string digest = base::sha256_hex(outcome.request.body);
  const auto found = inbox.rows_of_body.find(digest);
  const int rows = found == inbox.rows_of_body.end() ? 0 : found->second;
  const std::set<std::string> ids(outcome.ids.begin(), outcome.ids.end());
  for (const std::string& id : ids) {
    const auto row = inbox.body_of_id.find(id);
    if (row == inbox.body_of_id.end()) return std::format("accepted as {}, never arrived", id);
    if (row->second != digest) return std::format("{} arrived with another body", id);
  }
  if (outcome.keyed) {
    if (ids.size() > 1) return std::format("{} different ids for one key", ids.size());
    if (rows > 1) return std::format("{} rows for one key", rows);
    return {};
  }
  if (ids.size() != outcome.ids.size()) return "one id was given to two writes";
  const auto most = static_cast<int>(ids.size()) + outcome.unanswered + outcome.refused;
  if (rows > most) return std::format("{} rows for {} requests", rows, most);
  return {};
}

bool has_arrival_order(const PostgresCluster& cluster) {
  return !cluster
              .query(
                  "SELECT 1 FROM information_schema.columns WHERE table_schema = 'holdfast' "
                  "AND table_name = 'inbox' AND column_name = 'arrival'")
              .empty();
}

/// Rows of a source that came before one with a smaller seq.
std::string rows_out_of_order(const PostgresCluster& cluster, const std::string& column) {
  return cluster
      .query(
          std::format("SELECT count(*) FROM (SELECT {0} < lag({0}) OVER (PARTITION BY source, node "
                      "ORDER BY seq) AS wrong FROM holdfast.inbox) AS pairs WHERE wrong",
                      column))
      .at(0)
      .at(0);
}

}  // namespace

std::vector<std::string> delivery_problems(const PostgresCluster& cluster,
                                           const std::vector<WriteOutcome>& outcomes) {
  const Inbox inbox = read_inbox(cluster);
  std::vector<std::string> problems;
  for (const WriteOutcome& outcome : outcomes)
    if (std::string problem = problem_with(outcome, inbox); !problem.empty())
      problems.push_back(std::move(problem));
  for (const std::string column : {"stored_at", "arrival"}) {
    if (column == "arrival" && !has_arrival_order(cluster)) continue;
    if (const std::string rows = rows_out_of_order(cluster, column); rows != "0")
      problems.push_back(rows + " rows out of order by " + column);
  }
  return problems;
}

void everything_arrives(Daemon& daemon, PostgresCluster& cluster,
                        const std::vector<WriteOutcome>& outcomes,
                        std::chrono::milliseconds deadline) {
  const bool drained = daemon.drains(deadline);
  if (!drained) {
    const std::string log = daemon.log_text();
    UNSCOPED_INFO("health: " << daemon.health().dump(2) << "\nlog ends with:\n"
                             << log.substr(log.size() > 4000 ? log.size() - 4000 : 0));
  }
  REQUIRE(drained);
  CHECK(daemon.health().at("outbox").at("dead") == 0);
  // An empty list of outcomes would make the next check pass for nothing.
  CHECK_FALSE(accepted_ids(outcomes).empty());
  const auto problems = delivery_problems(cluster, outcomes);
  INFO(problems.size() << " problems, the first: " << (problems.empty() ? "" : problems.front()));
  CHECK(problems.empty());
}

void record_arrival_order(PostgresCluster& cluster) {
  (void)cluster.query("ALTER TABLE holdfast.inbox ADD COLUMN arrival bigserial");
}

std::uint64_t inbox_rows(const PostgresCluster& cluster) {
  return std::stoull(cluster.query("SELECT count(*) FROM holdfast.inbox").at(0).at(0));
}

}  // namespace holdfast::support
