#include "plain_insert.hpp"

#include "sample.hpp"
#include "sqlite_by_hand.hpp"

namespace holdfast::bench {

int insert_plainly(Options& options) {
  const auto database = open_durably(options.text("file", ""));
  const auto body_bytes = options.count("body", 700);
  run(database,
      "CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY, received_at INTEGER, "
      "target TEXT, content_type TEXT, headers BLOB, body BLOB)");
  const auto insert = prepare(database,
                              "INSERT INTO entry (received_at, target, content_type, headers, "
                              "body) VALUES (?, ?, ?, ?, ?)");
  insert_in_groups(database, options, 1, [&](std::uint64_t number, std::uint64_t) {
    const auto body = sample_body(number, body_bytes);
    sqlite3_bind_int64(insert.get(), 1, static_cast<sqlite3_int64>(number));
    bind_text(insert.get(), 2, sample_target);
    bind_text(insert.get(), 3, sample_type);
    bind_text(insert.get(), 4, sample_headers);
    bind_text(insert.get(), 5, body);
    step(database, insert);
  });
  return 0;
}

}  // namespace holdfast::bench
