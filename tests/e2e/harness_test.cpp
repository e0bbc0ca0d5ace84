#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fixture.hpp"
#include "support/delivery.hpp"

using namespace holdfast;
using namespace holdfast::support;

namespace {

/// An inbox as far as the check reads it, filled by hand.
void make_inbox(PostgresCluster& cluster) {
  (void)cluster.query(
      "CREATE SCHEMA holdfast; CREATE TABLE holdfast.inbox (id uuid PRIMARY KEY, source text, "
      "node uuid DEFAULT '00000000-0000-7000-8000-000000000000', seq bigint, "
      "stored_at timestamptz DEFAULT clock_timestamp(), body bytea)");
}

std::string id_number(int number) {
  return std::format("00000000-0000-7000-8000-{:012}", number);
}

void store(PostgresCluster& cluster, int id, int seq, const std::string& body) {
  (void)cluster.query(
      std::format("INSERT INTO holdfast.inbox (id, source, seq, body) VALUES ('{}', 's', {}, '{}')",
                  id_number(id), seq, body));
}

WriteOutcome accepted(int number, const std::string& body) {
  WriteOutcome outcome;
  outcome.request.body = body;
  outcome.ids = {id_number(number)};
  return outcome;
}

}  // namespace

TEST_CASE("support: the check after a fault sees what is lost, doubled, altered or out of order",
          "[e2e][support]") {
  PostgresCluster cluster;
  make_inbox(cluster);
  const std::vector<WriteOutcome> outcomes{accepted(1, "one"), accepted(2, "two")};
  CHECK(delivery_problems(cluster, outcomes).size() == 2);  // Both lost.
  store(cluster, 1, 1, "one");
  CHECK(delivery_problems(cluster, outcomes).size() == 1);  // One lost.
  store(cluster, 2, 2, "two");
  CHECK(delivery_problems(cluster, outcomes).empty());

  (void)cluster.query("BEGIN; UPDATE holdfast.inbox SET body = 'other' WHERE seq = 2; COMMIT");
  CHECK(delivery_problems(cluster, outcomes).size() == 1);  // Altered.
  (void)cluster.query("UPDATE holdfast.inbox SET body = 'two' WHERE seq = 2");
  store(cluster, 3, 3, "two");
  CHECK(delivery_problems(cluster, outcomes).size() == 1);  // Stored twice under two ids.
  std::vector<WriteOutcome> unsure = outcomes;
  unsure[1].unanswered = 1;
  CHECK(delivery_problems(cluster, unsure).empty());  // The copy of a request without an answer.
  unsure[1].keyed = true;
  CHECK(delivery_problems(cluster, unsure).size() == 1);  // With a key there is never a copy.

  (void)cluster.query("DELETE FROM holdfast.inbox WHERE seq = 3");
  record_arrival_order(cluster);
  CHECK(delivery_problems(cluster, outcomes).empty());
  (void)cluster.query("UPDATE holdfast.inbox SET arrival = arrival + 10 WHERE seq = 1");
  CHECK(delivery_problems(cluster, outcomes).size() == 1);  // Out of order within a transaction.
  (void)cluster.query("UPDATE holdfast.inbox SET stored_at = now() WHERE seq = 1");
  CHECK(delivery_problems(cluster, outcomes).size() == 2);  // And between transactions.
}
