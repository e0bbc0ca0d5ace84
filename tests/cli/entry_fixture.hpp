#pragma once

#include "base/encoding.hpp"
#include "holdfast/entry.hpp"

namespace holdfast::cli::test {

inline WallTime time_at(std::string_view text) {
  return *base::from_rfc3339(text);
}

/// A dead entry with everything set that a summary can have.
inline Entry dead_entry() {
  Entry entry;
  entry.seq = 7;
  entry.id = *Uuid::parse("0190a0b0-0000-7000-8000-000000000007");
  entry.source = "twilio";
  entry.dedupe_key = "SM1";
  entry.state = EntryState::dead;
  entry.received_at = time_at("2026-11-23T22:29:22.123Z");
  entry.settled_at = time_at("2026-11-23T22:30:00.000Z");
  entry.body = "a=1&b=2";
  entry.body_bytes = static_cast<std::int64_t>(entry.body.size());
  entry.body_sha256 = base::sha256(entry.body);
  entry.reason = "data_error";
  entry.sqlstate = "23514";
  entry.constraint = "inbox_check";
  entry.error = "new row violates check";
  entry.method = "POST";
  entry.target = "/api/twilio/webhook?x=1";
  entry.remote_address = "127.0.0.1";
  entry.content_type = "application/x-www-form-urlencoded";
  entry.headers = {{"Host", "h"}, {"X-Odd", "\xff\x1b[0m"}};
  entry.attempts = {
      {time_at("2026-11-23T22:29:59.000Z"), "23514", "data", "new row violates check"}};
  return entry;
}

inline EntrySummary pending_entry() {
  EntrySummary entry;
  entry.seq = 8;
  entry.id = *Uuid::parse("0190a0b0-0000-7000-8000-000000000008");
  entry.source = "gone";
  entry.received_at = time_at("2026-11-23T22:31:00.000Z");
  entry.body_bytes = 12345;
  return entry;
}

}  // namespace holdfast::cli::test
