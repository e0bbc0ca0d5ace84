#pragma once

#include <string>

#include "holdfast/entry.hpp"
#include "outbox/sqlite.hpp"

/// How rows become entries; shared by all reads.
namespace holdfast::outbox {

/// Columns of a summary, for `FROM entry JOIN source ON source.id = entry.source_id`.
inline constexpr const char* summary_columns =
    "entry.seq, entry.id, source.name, entry.dedupe_key, entry.state, entry.received_at, "
    "entry.settled_at, entry.body_bytes, entry.body_sha256, entry.payload_kept, entry.reason, "
    "entry.sqlstate, entry.constraint_name, entry.error, entry.duplicate_of, entry.conflicts_with, "
    "entry.replay_of, entry.order_hash";
inline constexpr int summary_column_count = 18;

/// Columns of a payload, after those of the summary.
inline constexpr const char* payload_columns =
    "payload.seq, payload.method, payload.target, payload.remote_address, payload.content_type, "
    "payload.traceparent, payload.headers, payload.body";

/// Errors:   throws Error (broken) where a row cannot be what was written.
void read_summary(const Use& row, EntrySummary& summary);
enum class PayloadState {
  missing,
  damaged,  ///< Not what was accepted, by the hash of the body; what there is was read.
  whole,
};
[[nodiscard]] PayloadState read_payload(const Use& row, Entry& entry);

[[noreturn]] void throw_damaged(std::int64_t seq, const char* what);

}  // namespace holdfast::outbox
