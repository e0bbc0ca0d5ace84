#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "postgres/destination.hpp"
#include "support/destination_conformance.hpp"
#include "support/postgres_cluster.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

namespace holdfast::postgres {

using namespace std::chrono_literals;
using support::make_entry;
using support::PostgresCluster;
using support::TcpGate;

/// A cluster, and destinations on it.
struct Fixture {
  explicit Fixture(std::vector<std::string> conf = {}) : cluster(std::move(conf)) {}

  PostgresCluster cluster;
  SystemClock clock;
  std::vector<SourceConfig> sources;
  Uuid node = base::random_uuid();
  base::Guarded<std::vector<LogEvent>> events;
  DestinationConfig config = [] {
    DestinationConfig c;
    c.connect_timeout = 10s;
    c.deliver_timeout = 20s;
    return c;
  }();

  [[nodiscard]] std::unique_ptr<PostgresDestination> open(const std::string& url,
                                                          const Clock& time) {
    config.url = Secret(url);
    auto created = PostgresDestination::create(
        config, sources, node, time,
        [this](const LogEvent& event) { events.with([&](auto& all) { all.push_back(event); }); });
    REQUIRE(created.has_value());
    return std::move(*created);
  }
  [[nodiscard]] std::unique_ptr<PostgresDestination> open(const std::string& url) {
    return open(url, clock);
  }
  [[nodiscard]] std::unique_ptr<PostgresDestination> open() { return open(cluster.url()); }

  [[nodiscard]] std::string one(const std::string& sql) const {
    const auto rows = cluster.query(sql);
    return rows.empty() ? "(no row)" : rows.at(0).at(0);
  }
  [[nodiscard]] bool holds(const Uuid& id) const {
    return one("SELECT count(*) FROM holdfast.inbox WHERE id = '" + id.to_string() + "'") == "1";
  }
  [[nodiscard]] std::size_t events_named(std::string_view name) const {
    return events.with([&](const auto& all) {
      return static_cast<std::size_t>(
          std::ranges::count_if(all, [&](const LogEvent& e) { return e.name == name; }));
    });
  }
};

inline std::expected<Delivered, DeliveryFailure> deliver_one(Destination& destination,
                                                             const Entry& entry) {
  auto outcome = destination.deliver({&entry, 1});
  if (!outcome) return std::unexpected(outcome.error());
  return outcome->at(0);
}

/// The end of every fault test: faults off, the batch arrives, once.
inline void check_arrives_once(Fixture& fixture, Destination& destination,
                               std::span<const Entry> batch) {
  REQUIRE(support::eventually([&] { return destination.deliver(batch).has_value(); }, 20s));
  for (const auto& entry : batch) CHECK(fixture.holds(entry.id));
}

}  // namespace holdfast::postgres
