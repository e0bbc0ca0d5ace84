#include "outbox_rows.hpp"

#include <vector>

#include "sample.hpp"
#include "sqlite_by_hand.hpp"

namespace holdfast::bench {
namespace {

constexpr std::uint64_t rows_a_statement = 16;

std::string repeated(std::string sql, const std::string& row) {
  for (std::uint64_t i = 0; i < rows_a_statement; ++i) sql += (i == 0 ? " VALUES " : ", ") + row;
  return sql;
}

std::int64_t next_seq_of(const Database& database) {
  const auto last = prepare(database, "SELECT ifnull(max(seq), 0) FROM entry");
  check(sqlite3_step(last.get()), database.get());
  return sqlite3_column_int64(last.get(), 0) + 1;
}

/// Of one row, in memory until its statement has run.
struct Values {
  std::string id;
  std::string key;
  std::string body;
};

}  // namespace

int insert_outbox_rows(Options& options) {
  const auto database = open_durably(options.text("file", ""));
  const auto body_bytes = options.count("body", 700);
  run(database, "PRAGMA secure_delete = FAST; PRAGMA cache_size = -10240");
  const auto entries = prepare(
      database, repeated("INSERT OR ROLLBACK INTO entry (seq, id, source_id, state, received_at, "
                         "body_bytes, payload_kept, key_hash, dedupe_key, body_sha256)",
                         "(?, ?, 1, 0, ?, ?, 1, ?, ?, ?)"));
  const auto payloads = prepare(
      database, repeated("INSERT OR ROLLBACK INTO payload (seq, method, target, remote_address, "
                         "content_type, traceparent, headers, body)",
                         "(?, 'POST', ?, '127.0.0.1', ?, NULL, ?, ?)"));
  const auto first = next_seq_of(database);
  const std::string digest(32, '\x5a');
  std::vector<Values> values(rows_a_statement);
  insert_in_groups(database, options, rows_a_statement, [&](std::uint64_t from, std::uint64_t to) {
    if (to - from != rows_a_statement)
      throw std::runtime_error("reading --entries or --group: not a multiple of 16");
    int entry = 0;
    int payload = 0;
    for (auto number = from; number < to; ++number) {
      const auto seq = first + static_cast<sqlite3_int64>(number);
      auto& row = values[number - from];
      // Ids grow with seq, as those of the outbox do.
      row.id = std::format("{:016}", seq);
      row.key = sample_key(number);
      row.body = sample_body(number, body_bytes);
      sqlite3_bind_int64(entries.get(), ++entry, seq);
      bind_blob(entries.get(), ++entry, row.id);
      sqlite3_bind_int64(entries.get(), ++entry, 1'749'416'383'000 + seq);
      sqlite3_bind_int64(entries.get(), ++entry, static_cast<sqlite3_int64>(row.body.size()));
      sqlite3_bind_int64(entries.get(), ++entry, seq * 0x1000'0001);
      bind_text(entries.get(), ++entry, row.key);
      bind_blob(entries.get(), ++entry, digest);
      sqlite3_bind_int64(payloads.get(), ++payload, seq);
      bind_text(payloads.get(), ++payload, sample_target);
      bind_text(payloads.get(), ++payload, sample_type);
      bind_blob(payloads.get(), ++payload, sample_headers);
      bind_blob(payloads.get(), ++payload, row.body);
    }
    step(database, entries);
    step(database, payloads);
  });
  return 0;
}

}  // namespace holdfast::bench
