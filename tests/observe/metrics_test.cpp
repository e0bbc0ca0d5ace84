#include "observe/metrics.hpp"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "exposition.hpp"
#include "sample.hpp"

namespace {

using holdfast::HealthSnapshot;
using holdfast::test::healthy;
using holdfast::test::Labels;
using holdfast::test::parse_exposition;
using holdfast::test::troubled;

const std::vector<std::string> sources{"twilio", "whatsapp"};

auto scrape(const HealthSnapshot& snapshot) {
  return parse_exposition(holdfast::observe::metrics_text(snapshot, sources));
}

const std::map<std::string, std::string> types{
    {"holdfast_ingress_requests_total", "counter"},
    {"holdfast_ingress_duration_seconds", "histogram"},
    {"holdfast_ingress_connections", "gauge"},
    {"holdfast_ingress_inflight_bytes", "gauge"},
    {"holdfast_outbox_commit_duration_seconds", "histogram"},
    {"holdfast_outbox_group_entries", "histogram"},
    {"holdfast_outbox_entries", "gauge"},
    {"holdfast_outbox_oldest_pending_age_seconds", "gauge"},
    {"holdfast_outbox_size_bytes", "gauge"},
    {"holdfast_outbox_size_max_bytes", "gauge"},
    {"holdfast_outbox_pending_body_bytes", "gauge"},
    {"holdfast_outbox_can_store", "gauge"},
    {"holdfast_outbox_time_to_full_seconds", "gauge"},
    {"holdfast_disk_reserve_bytes", "gauge"},
    {"holdfast_log_lines_dropped_total", "counter"},
    {"holdfast_disk_free_bytes", "gauge"},
    {"holdfast_delivered_entries_total", "counter"},
    {"holdfast_delivery_attempts_total", "counter"},
    {"holdfast_delivery_duration_seconds", "histogram"},
    {"holdfast_end_to_end_latency_seconds", "histogram"},
    {"holdfast_destination_up", "gauge"},
    {"holdfast_destination_connects_total", "counter"},
    {"holdfast_drain_window_seconds", "gauge"},
    {"holdfast_relay_paused", "gauge"},
    {"holdfast_source_paused", "gauge"},
    {"holdfast_last_success_timestamp_seconds", "gauge"},
    {"holdfast_build_info", "gauge"},
};

TEST_CASE("metrics: every family of the contract is there with its type, even on an empty daemon",
          "[observe][metrics]") {
  for (const auto& snapshot : {HealthSnapshot{}, healthy(), troubled()}) {
    std::map<std::string, std::string> found;
    for (const auto& [name, family] : scrape(snapshot)) found[name] = family.type;
    CHECK(found == types);
  }
}

TEST_CASE("metrics: every family is explained in the operator's page", "[observe][metrics]") {
  std::ifstream file(std::filesystem::path(HOLDFAST_SOURCE_DIR) / "docs/operations.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const auto& [name, type] : types) {
    INFO(name);
    CHECK(page.contains(name.substr(std::string("holdfast_").size())));
  }
}

TEST_CASE("metrics: the outbox's values, with all four states always", "[observe][metrics]") {
  const auto families = scrape(healthy());
  const auto& entries = families.at("holdfast_outbox_entries");
  CHECK(entries.samples.size() == 4);
  CHECK(entries.at("holdfast_outbox_entries", {{"state", "pending"}}) == 3);
  CHECK(entries.at("holdfast_outbox_entries", {{"state", "delivered"}}) == 40);
  CHECK(entries.at("holdfast_outbox_entries", {{"state", "dead"}}) == 2);
  CHECK(entries.at("holdfast_outbox_entries", {{"state", "discarded"}}) == 1);
  const auto value = [&](const std::string& name) { return families.at(name).at(name); };
  CHECK(value("holdfast_outbox_oldest_pending_age_seconds") == 1.5);
  CHECK(value("holdfast_outbox_size_bytes") == 4096);
  CHECK(value("holdfast_disk_free_bytes") == 5368709120.0);
  CHECK(scrape(HealthSnapshot{}).at("holdfast_outbox_entries").samples.size() == 4);
}

TEST_CASE("metrics: limits, forecast and whether it can store", "[observe][metrics]") {
  const auto value = [](const HealthSnapshot& snapshot, const std::string& name) {
    return scrape(snapshot).at(name).at(name);
  };
  auto snapshot = healthy();
  snapshot.outbox.disk_reserve_bytes = 268435456;
  snapshot.outbox.pending_body_bytes = 77;
  snapshot.ingress.connections = 5;
  snapshot.ingress.inflight_bytes = 6;
  snapshot.log_lines_dropped = 7;
  CHECK(value(snapshot, "holdfast_outbox_size_max_bytes") == 8589934592.0);
  CHECK(value(snapshot, "holdfast_disk_reserve_bytes") == 268435456.0);
  CHECK(value(snapshot, "holdfast_outbox_pending_body_bytes") == 77);
  CHECK(value(snapshot, "holdfast_outbox_can_store") == 1);
  CHECK(value(snapshot, "holdfast_ingress_connections") == 5);
  CHECK(value(snapshot, "holdfast_ingress_inflight_bytes") == 6);
  CHECK(value(snapshot, "holdfast_log_lines_dropped_total") == 7);
  // No end in sight is later than every threshold, and never absent.
  CHECK(std::isinf(value(snapshot, "holdfast_outbox_time_to_full_seconds")));
  snapshot.forecast.full_in_seconds = 12000.5;
  CHECK(value(snapshot, "holdfast_outbox_time_to_full_seconds") == 12000.5);
  snapshot.outbox.can_store = false;
  CHECK(value(snapshot, "holdfast_outbox_can_store") == 0);
}

TEST_CASE("metrics: refusals that are alarmed about are there from the start",
          "[observe][metrics]") {
  const std::string name = "holdfast_ingress_requests_total";
  const auto requests = scrape(HealthSnapshot{}).at(name);
  CHECK(requests.samples.size() == 5);
  for (const std::string source : {"twilio", "whatsapp"})
    for (const std::string code : {"401", "503"})
      CHECK(requests.at(name, {{"source", source}, {"code", code}}) == 0);
  CHECK(requests.at(name, {{"source", ""}, {"code", "503"}}) == 0);
}

TEST_CASE("metrics: histograms are cumulative and count what lies beyond the last bound",
          "[observe][metrics]") {
  const auto families = scrape(healthy());
  const std::string name = "holdfast_outbox_commit_duration_seconds";
  const auto& commits = families.at(name);
  const auto bucket = [&](const std::string& bound) {
    return commits.at(name + "_bucket", {{"le", bound}});
  };
  CHECK(bucket("0.0001") == 0);
  CHECK(bucket("0.00025") == 1);
  CHECK(bucket("0.0025") == 1);
  CHECK(bucket("0.005") == 2);
  CHECK(bucket("30") == 2);
  CHECK(bucket("+Inf") == 3);
  CHECK(commits.at(name + "_count") == 3);
  CHECK(commits.at(name + "_sum") == Catch::Approx(99.0042));
}

TEST_CASE("metrics: a source that is not configured makes no series of its own",
          "[observe][metrics]") {
  auto snapshot = healthy();
  snapshot.ingress.requests[{"other", 404}] = 5;
  const auto families = scrape(snapshot);
  const auto& requests = families.at("holdfast_ingress_requests_total");
  const std::string name = "holdfast_ingress_requests_total";
  CHECK(requests.at(name, {{"source", "twilio"}, {"code", "200"}}) == 33);
  CHECK(requests.at(name, {{"source", ""}, {"code", "404"}}) == 7);
  CHECK(requests.at(name, {{"source", ""}, {"code", "202"}}) == 7);
  const std::string delivered = "holdfast_delivered_entries_total";
  CHECK(families.at(delivered).at(delivered, {{"source", "twilio"}}) == 33);
  CHECK(families.at(delivered).at(delivered, {{"source", "whatsapp"}}) == 0);
  CHECK(families.at(delivered).at(delivered, {{"source", ""}}) == 7);
  for (const auto& [family_name, family] : families)
    for (const auto& [key, value] : family.samples)
      if (key.second.contains("source"))
        CHECK(std::set<std::string>{"", "twilio", "whatsapp"}.contains(key.second.at("source")));
}

TEST_CASE("metrics: attempts start at zero for every class", "[observe][metrics]") {
  const std::string name = "holdfast_delivery_attempts_total";
  const auto empty = scrape(HealthSnapshot{}).at(name);
  CHECK(empty.samples.size() == 10);
  CHECK(empty.at(name, {{"outcome", "failed"}, {"class", "defect"}}) == 0);
  const auto busy = scrape(healthy()).at(name);
  CHECK(busy.at(name, {{"outcome", "delivered"}, {"class", ""}}) == 12);
  CHECK(busy.at(name, {{"outcome", "failed"}, {"class", "connection"}}) == 3);
  CHECK(busy.at(name, {{"outcome", "failed"}, {"class", "data"}}) == 0);
}

TEST_CASE("metrics: pauses, destination and last success", "[observe][metrics]") {
  const auto value = [](const auto& families, const std::string& name, const Labels& labels = {}) {
    return families.at(name).at(name, labels);
  };
  const auto good = scrape(healthy());
  CHECK(value(good, "holdfast_destination_up") == 1);
  CHECK(value(good, "holdfast_destination_connects_total") == 4);
  CHECK(value(good, "holdfast_relay_paused") == 0);
  CHECK(value(good, "holdfast_source_paused", {{"source", "twilio"}}) == 0);
  CHECK(value(good, "holdfast_last_success_timestamp_seconds") == Catch::Approx(1795472960.123));
  CHECK(value(good, "holdfast_build_info", {{"version", "0.1.0"}}) == 1);

  auto snapshot = troubled();
  snapshot.relay.paused_sources.pop_back();
  const auto bad = scrape(snapshot);
  CHECK(value(bad, "holdfast_destination_up") == 0);
  CHECK(value(bad, "holdfast_relay_paused") == 1);
  CHECK(value(good, "holdfast_drain_window_seconds") == 0);
  auto gathering = healthy();
  gathering.relay.drain_window = std::chrono::milliseconds(1500);
  CHECK(value(scrape(gathering), "holdfast_drain_window_seconds") == 1.5);
  CHECK(value(bad, "holdfast_source_paused", {{"source", "twilio"}}) == 1);
  CHECK(value(bad, "holdfast_source_paused", {{"source", "whatsapp"}}) == 0);

  snapshot.relay.state = holdfast::DestinationState::idle;
  snapshot.relay.last_success = std::nullopt;
  const auto fresh = scrape(snapshot);
  CHECK(value(fresh, "holdfast_destination_up") == 1);
  CHECK(fresh.at("holdfast_last_success_timestamp_seconds").samples.empty());
}

// What a scraper relies on: between two scrapes no counter and no bucket goes down or goes away.
TEST_CASE("metrics: counters and buckets are monotone from scrape to scrape",
          "[observe][metrics]") {
  auto snapshot = healthy();
  auto before = scrape(snapshot);
  for (int round = 0; round < 20; ++round) {
    snapshot.ingress.requests[{"twilio", round % 2 == 0 ? 200 : 503}] += 3;
    snapshot.relay.delivered_by_source["whatsapp"] += 1;
    snapshot.relay.attempts[{"failed", "server"}] += 1;
    snapshot.relay.connects += 1;
    snapshot.outbox.commit_seconds.counts.at(static_cast<std::size_t>(round) % 17) += 2;
    snapshot.outbox.commit_seconds.sum += 0.5;
    auto after = scrape(snapshot);
    for (const auto& [name, family] : before) {
      if (family.type == "gauge") continue;
      for (const auto& [key, value] : family.samples)
        CHECK(after.at(name).at(key.first, key.second) >= value);
    }
    before = std::move(after);
  }
}

TEST_CASE("metrics: large counts keep every digit", "[observe][metrics]") {
  auto snapshot = healthy();
  snapshot.outbox.bytes = 8589934593;
  snapshot.relay.connects = 4503599627370497;
  const auto families = scrape(snapshot);
  CHECK(families.at("holdfast_outbox_size_bytes").at("holdfast_outbox_size_bytes") == 8589934593.0);
  CHECK(families.at("holdfast_destination_connects_total")
            .at("holdfast_destination_connects_total") == 4503599627370497.0);
}

}  // namespace
