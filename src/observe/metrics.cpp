#include "observe/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <ranges>
#include <string_view>
#include <utility>

#include "holdfast/destination.hpp"
#include "holdfast/entry.hpp"
#include "observe/health.hpp"

namespace holdfast::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

MetricFamily& add_family(Families& families, std::string name, std::string help, MetricType type) {
  return families.emplace_back(
      MetricFamily{"holdfast_" + std::move(name), std::move(help), type, {}});
}

void add_sample(MetricFamily& family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  // The serializer reads the field that belongs to the family's type.
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

void add_gauge(Families& families, std::string name, std::string help, double value) {
  add_sample(add_family(families, std::move(name), std::move(help), MetricType::Gauge), {}, value);
}

void add_counter(Families& families, std::string name, std::string help, double value) {
  add_sample(add_family(families, std::move(name), std::move(help), MetricType::Counter), {},
             value);
}

// The count is the sum of the buckets that were read, never a figure of its own: a scrape in the
// middle of an observation must not show a bucket above the count.
void add_histogram(Families& families, std::string name, std::string help,
                   const HistogramSnapshot& snapshot) {
  auto& family = add_family(families, std::move(name), std::move(help), MetricType::Histogram);
  ClientMetric metric;
  auto& histogram = metric.histogram;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= snapshot.bounds.size(); ++i) {
    if (i < snapshot.counts.size()) cumulative += snapshot.counts[i];
    const double bound =
        i < snapshot.bounds.size() ? snapshot.bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({cumulative, bound});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = snapshot.sum;
  family.metric.push_back(std::move(metric));
}

double as_number(std::uint64_t value) {
  return static_cast<double>(value);
}

std::string known_source(const std::string& name, const std::vector<std::string>& source_names) {
  return std::ranges::contains(source_names, name) ? name : std::string();
}

void add_ingress(Families& families, const IngressStats& ingress,
                 const std::vector<std::string>& source_names) {
  std::map<std::pair<std::string, int>, std::uint64_t> requests;
  // What is alarmed about is there from the start: a rate over a series that appears with its first
  // refusal would miss exactly that one.
  requests[{"", 503}] = 0;
  for (const auto& name : source_names)
    for (const int code : {401, 503}) requests[{name, code}] = 0;
  for (const auto& [key, count] : ingress.requests)
    requests[{known_source(key.first, source_names), key.second}] += count;
  auto& family =
      add_family(families, "ingress_requests_total",
                 "Webhook requests answered, by source and status code.", MetricType::Counter);
  for (const auto& [key, count] : requests)
    add_sample(family, {{"source", key.first}, {"code", std::to_string(key.second)}},
               as_number(count));
  add_histogram(families, "ingress_duration_seconds",
                "Time from the first byte of a webhook request to its answer.",
                ingress.request_seconds);
  add_gauge(families, "ingress_connections", "Open connections of senders.",
            as_number(ingress.connections));
  add_gauge(families, "ingress_inflight_bytes",
            "Bytes of requests that are arriving or wait for their answer.",
            as_number(ingress.inflight_bytes));
}

void add_outbox(Families& families, const HealthSnapshot& snapshot) {
  const auto& outbox = snapshot.outbox;
  add_histogram(families, "outbox_commit_duration_seconds",
                "Time of one group commit, its fsync included.", outbox.commit_seconds);
  add_histogram(families, "outbox_group_entries", "Entries that shared one group commit.",
                outbox.group_entries);
  auto& entries =
      add_family(families, "outbox_entries", "Entries in the outbox, by state.", MetricType::Gauge);
  for (const auto state : all_entry_states)
    add_sample(entries, {{"state", std::string(to_string(state))}},
               as_number(outbox.entries.at(static_cast<std::size_t>(state))));
  add_gauge(families, "outbox_oldest_pending_age_seconds",
            "Lag: age of the oldest pending entry, 0 if none is pending.",
            oldest_pending_age_seconds(snapshot));
  add_gauge(families, "outbox_size_bytes", "Used pages of the outbox file plus its WAL.",
            as_number(outbox.bytes));
  add_gauge(families, "outbox_size_max_bytes", "What it may take: outbox.max_size.",
            as_number(outbox.bytes_max));
  add_gauge(families, "outbox_pending_body_bytes", "Bytes of the bodies of all pending entries.",
            as_number(outbox.pending_body_bytes));
  add_gauge(families, "outbox_can_store",
            "1 while a write would be accepted; 0 while senders get 503.",
            outbox.can_store ? 1 : 0);
  // Always there, so that a comparison needs no second case: never is later than any threshold.
  add_gauge(families, "outbox_time_to_full_seconds",
            "When writes will be refused for want of room, if things go on as they do; +Inf if not "
            "within 30 days, 0 while they are refused.",
            snapshot.forecast.full_in_seconds.value_or(std::numeric_limits<double>::infinity()));
  add_gauge(families, "disk_free_bytes", "Free bytes of the outbox's file system.",
            as_number(outbox.disk_free_bytes));
  add_gauge(families, "disk_reserve_bytes",
            "Free bytes below which writes are refused: outbox.disk_reserve.",
            as_number(outbox.disk_reserve_bytes));
}

void add_delivered(Families& families, const RelayStats& relay,
                   const std::vector<std::string>& source_names) {
  std::map<std::string, std::uint64_t> delivered;
  for (const auto& name : source_names) delivered[name] = 0;
  for (const auto& [source, count] : relay.delivered_by_source)
    delivered[known_source(source, source_names)] += count;
  auto& family = add_family(families, "delivered_entries_total",
                            "Entries that Postgres confirmed, by source.", MetricType::Counter);
  for (const auto& [source, count] : delivered)
    add_sample(family, {{"source", source}}, as_number(count));
}

// Every class is there from the start: a rate over a series that appears with its first error
// would miss exactly that error.
void add_attempts(Families& families, const RelayStats& relay) {
  std::map<std::pair<std::string, std::string>, std::uint64_t> attempts{{{"delivered", ""}, 0}};
  using enum DeliveryClass;
  for (const auto delivery_class :
       {connection, server, contention, timeout, data, foreign_key, config, quota, defect})
    attempts[{"failed", std::string(to_string(delivery_class))}] = 0;
  for (const auto& [key, count] : relay.attempts) attempts[key] += count;
  auto& family = add_family(families, "delivery_attempts_total",
                            "Batches tried, by outcome and, where failed, class of failure.",
                            MetricType::Counter);
  for (const auto& [key, count] : attempts)
    add_sample(family, {{"outcome", key.first}, {"class", key.second}}, as_number(count));
}

void add_relay(Families& families, const RelayStats& relay,
               const std::vector<std::string>& source_names) {
  add_delivered(families, relay, source_names);
  add_attempts(families, relay);
  add_histogram(families, "delivery_duration_seconds", "Time of one batch to Postgres.",
                relay.delivery_seconds);
  add_histogram(families, "end_to_end_latency_seconds",
                "Time from receipt of an entry to Postgres's confirmed COMMIT.",
                relay.end_to_end_seconds);
  const bool up =
      relay.state == DestinationState::connected || relay.state == DestinationState::idle;
  add_gauge(families, "destination_up",
            "1 while connected or idle; 0 while backing off, paused or unconfigured.", up ? 1 : 0);
  add_counter(families, "destination_connects_total", "Sessions opened to Postgres.",
              as_number(relay.connects));
  add_gauge(
      families, "drain_window_seconds",
      "How long entries are gathered on purpose (economy); 0 with an eager drain. Subtract it "
      "from the lag before alarming.",
      std::chrono::duration<double>(relay.drain_window).count());
  add_gauge(families, "relay_paused", "1 while delivery to the destination is paused.",
            relay.paused ? 1 : 0);
  auto& paused = add_family(families, "source_paused", "1 while delivery of the source is paused.",
                            MetricType::Gauge);
  for (const auto& name : source_names)
    add_sample(paused, {{"source", name}},
               std::ranges::contains(relay.paused_sources, name, &PausedSource::source) ? 1 : 0);
  auto& last_success =
      add_family(families, "last_success_timestamp_seconds",
                 "Unix time of the last confirmed delivery; no sample before the first one.",
                 MetricType::Gauge);
  if (relay.last_success)
    add_sample(last_success, {},
               std::chrono::duration<double>(relay.last_success->time_since_epoch()).count());
}

}  // namespace

std::string metrics_text(const HealthSnapshot& snapshot,
                         const std::vector<std::string>& source_names) {
  Families families;
  add_ingress(families, snapshot.ingress, source_names);
  add_outbox(families, snapshot);
  add_relay(families, snapshot.relay, source_names);
  add_counter(families, "log_lines_dropped_total",
              "Lines of log that were thrown away because nobody took them in time.",
              as_number(snapshot.log_lines_dropped));
  auto& build = add_family(families, "build_info", "1, with the version.", MetricType::Gauge);
  add_sample(build, {{"version", snapshot.version}}, 1);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace holdfast::observe
