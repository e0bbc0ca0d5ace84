#include "outbox/rows.hpp"

#include <cstring>
#include <format>

#include "base/encoding.hpp"
#include "outbox/header_codec.hpp"

namespace holdfast::outbox {
namespace {

std::optional<Uuid> optional_uuid(const Use& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return uuid_from(row.column(column));
}

}  // namespace

void throw_damaged(std::int64_t seq, const char* what) {
  throw Error(
      {FailureKind::broken,
       std::format("reading the outbox: entry {} {}; the file is damaged: the daemon's next start "
                   "looks at all of it and salvages it",
                   seq, what)});
}

void read_summary(const Use& row, EntrySummary& summary) {
  summary.seq = row.column(0).getInt64();
  summary.id = uuid_from(row.column(1));
  summary.source = row.column(2).getString();
  summary.dedupe_key = text_from(row.column(3));
  const auto state = row.column(4).getInt64();
  if (state < 0 || state >= static_cast<std::int64_t>(all_entry_states.size()))
    throw_damaged(summary.seq, "is in no known state");
  summary.state = static_cast<EntryState>(state);
  summary.received_at = time_from(row.column(5));
  if (!row.is_null(6)) summary.settled_at = time_from(row.column(6));
  summary.body_bytes = row.column(7).getInt64();
  const auto digest = row.column(8);
  if (digest.getBytes() != static_cast<int>(summary.body_sha256.size()))
    throw_damaged(summary.seq, "has no body hash");
  std::memcpy(summary.body_sha256.data(), digest.getBlob(), summary.body_sha256.size());
  summary.payload_kept = row.column(9).getInt64() != 0;
  summary.reason = text_from(row.column(10));
  summary.sqlstate = text_from(row.column(11));
  summary.constraint = text_from(row.column(12));
  summary.error = text_from(row.column(13));
  summary.duplicate_of = optional_uuid(row, 14);
  summary.conflicts_with = optional_uuid(row, 15);
  summary.replay_of = optional_uuid(row, 16);
  if (!row.is_null(17)) summary.order_hash = row.column(17).getInt64();
}

PayloadState read_payload(const Use& row, Entry& entry) {
  constexpr int first = summary_column_count;
  if (row.is_null(first)) return PayloadState::missing;
  entry.method = row.column(first + 1).getString();
  entry.target = row.column(first + 2).getString();
  entry.remote_address = row.column(first + 3).getString();
  entry.content_type = row.column(first + 4).getString();
  entry.traceparent = text_from(row.column(first + 5));
  auto headers = decode_headers(row.column(first + 6).getString());
  if (headers) entry.headers = std::move(*headers);
  entry.body = row.column(first + 7).getString();
  const bool whole = headers && base::sha256(entry.body) == entry.body_sha256 &&
                     entry.body.size() == static_cast<std::uint64_t>(entry.body_bytes);
  return whole ? PayloadState::whole : PayloadState::damaged;
}

}  // namespace holdfast::outbox
