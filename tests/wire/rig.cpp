#include "rig.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "base/uuid.hpp"
#include "support/destination_conformance.hpp"
#include "support/wait.hpp"

namespace holdfast::wire {

std::unique_ptr<postgres::PostgresDestination> Rig::open(const std::string& other_url) {
  config.url = Secret(other_url);
  SourceConfig source;
  source.name = "written";
  source.statements = {{"INSERT INTO things (id) VALUES ($1)", {"/n"}}};
  auto created = postgres::PostgresDestination::create(config, {&source, 1}, base::random_uuid(),
                                                       clock, [](const LogEvent&) {});
  REQUIRE(created.has_value());
  return std::move(*created);
}

Entry written_entry(std::int64_t seq) {
  return support::make_entry(seq, {}, R"({"n":1})", "written");
}

DeliveryFailure failure_at(Rig& rig, Place place, const Fault& fault) {
  const auto destination = rig.open();
  const bool opening = place == Place::hello || place == Place::login || place == Place::schema;
  const std::vector first{support::make_entry(1)};
  if (!opening) REQUIRE(destination->deliver(first).has_value());
  const std::size_t before = rig.fake.stored().size();
  const std::vector batch{written_entry(2), written_entry(3)};
  rig.fake.fail(place, fault);
  const auto outcome = destination->deliver(batch);
  rig.fake.heal();
  REQUIRE_FALSE(outcome.has_value());
  CHECK_FALSE(outcome.error().message.contains(support::quoted_value));
  CHECK(outcome.error().sqlstate == fault.error.sqlstate);
  CHECK((rig.fake.stored().size() == before) == !fault.committed);
  // Faults off, the batch arrives, once.
  const auto again = destination->deliver(batch);
  REQUIRE(again.has_value());
  for (const auto& entry : batch) CHECK(rig.fake.holds(entry.id));
  CHECK(rig.fake.stored().size() == before + batch.size());
  // An entry that needs no new connection shows that the session goes on.
  const std::uint64_t kept = destination->connects();
  CHECK(kept == (outcome.error().session_lost ? 2 : 1));
  return outcome.error();
}

void everything_arrives(support::Daemon& daemon, support::FakePostgres& fake,
                        const std::vector<support::WriteOutcome>& outcomes,
                        std::chrono::milliseconds deadline) {
  const bool drained = daemon.drains(deadline);
  if (!drained) UNSCOPED_INFO(daemon.health().dump(2) << daemon.log_text());
  REQUIRE(drained);
  CHECK(daemon.health().at("outbox").at("dead") == 0);
  std::map<std::string, std::string> arrived;
  std::map<std::string, std::int64_t> last_seq;
  const auto stored = fake.stored();
  for (const auto& entry : stored) {
    CHECK(arrived.emplace(entry.id.to_string(), entry.body).second);
    CHECK(last_seq[entry.source] < entry.seq);
    last_seq[entry.source] = entry.seq;
  }
  const auto accepted = support::accepted_ids(outcomes);
  CHECK_FALSE(accepted.empty());
  CHECK(accepted.size() == stored.size());
  for (const auto& outcome : outcomes)
    for (const auto& id : outcome.ids) CHECK(arrived[id] == outcome.request.body);
}

std::uint64_t attempts_charged(const support::Daemon& daemon) {
  sqlite3* database = nullptr;
  sqlite3_stmt* count = nullptr;
  REQUIRE(sqlite3_open_v2(daemon.outbox_path().c_str(), &database, SQLITE_OPEN_READONLY, nullptr) ==
          SQLITE_OK);
  REQUIRE(sqlite3_prepare_v2(database, "SELECT count(*) FROM attempt", -1, &count, nullptr) ==
          SQLITE_OK);
  REQUIRE(sqlite3_step(count) == SQLITE_ROW);
  const auto charged = static_cast<std::uint64_t>(sqlite3_column_int64(count, 0));
  sqlite3_finalize(count);
  sqlite3_close(database);
  return charged;
}

}  // namespace holdfast::wire
