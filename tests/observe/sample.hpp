#pragma once

#include <chrono>

#include "base/histogram.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/health.hpp"

namespace holdfast::test {

/// 2026-11-23T22:29:22.123Z
inline WallTime sample_time() {
  using namespace std::chrono;
  return sys_days{2026y / November / 23} + 22h + 29min + 22s + 123ms;
}

/// A daemon that works, with something in every field.
inline HealthSnapshot healthy() {
  HealthSnapshot snapshot;
  snapshot.at = sample_time();
  snapshot.version = "0.1.0";
  snapshot.node = "0b6f1a52-8f6a-4f43-9d1c-0f3f6f0a7c11";
  auto& outbox = snapshot.outbox;
  outbox.entries = {3, 40, 2, 1};
  outbox.bytes = 4096;
  outbox.bytes_max = 8ULL << 30U;
  outbox.disk_free_bytes = 5ULL << 30U;
  outbox.oldest_pending_received_at = sample_time() - std::chrono::milliseconds(1500);
  base::Histogram commits(base::seconds_bounds);
  commits.observe(0.0002);
  commits.observe(0.004);
  commits.observe(99);
  outbox.commit_seconds = commits.snapshot();
  base::Histogram groups(base::group_bounds);
  groups.observe(5);
  outbox.group_entries = groups.snapshot();
  auto& relay = snapshot.relay;
  relay.state = DestinationState::connected;
  relay.last_success = sample_time() - std::chrono::seconds(2);
  relay.connects = 4;
  relay.delivered_by_source = {{"twilio", 33}, {"gone", 7}};
  relay.attempts = {{{"delivered", ""}, 12}, {{"failed", "connection"}, 3}};
  snapshot.ingress.requests = {{{"twilio", 200}, 33}, {{"", 404}, 2}, {{"gone", 202}, 7}};
  return snapshot;
}

/// The same with Postgres away and one source paused.
inline HealthSnapshot troubled() {
  auto snapshot = healthy();
  auto& relay = snapshot.relay;
  relay.state = DestinationState::backing_off;
  relay.paused = true;
  relay.pause_reason = "configuration";
  relay.paused_sources = {
      {"twilio", "poison_flood", "23514 violates check constraint", sample_time()},
      {"whatsapp", "timeout", "", sample_time()}};
  relay.last_error = "57P01 terminating connection";
  relay.last_error_at = sample_time() - std::chrono::seconds(1);
  relay.retry_at = sample_time() + std::chrono::seconds(3);
  relay.consecutive_failures = 5;
  return snapshot;
}

}  // namespace holdfast::test
