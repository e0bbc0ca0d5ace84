#include <SQLiteCpp/SQLiteCpp.h>

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fixture.hpp"
#include "outbox/schema.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

/// A file as the first version left it: one entry pending, one delivered.
void make_version_1(const std::string& path) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(read_file(HOLDFAST_SOURCE_DIR "/migrations/outbox/0001_initial.sql"));
  const auto entry = [&](int seq, int state) {
    database.exec(std::format(
        "INSERT INTO entry (seq, id, source_id, state, received_at, settled_at, body_bytes, "
        "payload_kept, body_sha256) VALUES ({0}, CAST(randomblob(15) || x'0{0}' AS BLOB), 1, {1}, "
        "1000, {2}, 5, "
        "1, x'2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'); "
        "INSERT INTO payload VALUES ({0}, 'POST', '/', '', '', NULL, x'', CAST('hello' AS BLOB))",
        seq, state, state == 0 ? "NULL" : "2000"));
  };
  database.exec("INSERT INTO source VALUES (1, 'orders')");
  entry(1, 1);
  entry(2, 0);
  database.exec("INSERT INTO meta VALUES (1, randomblob(16), 3, zeroblob(16), 1, 1, 0, 0)");
  database.exec(
      std::format("PRAGMA application_id = {}; PRAGMA user_version = 1", outbox::application_id));
}

}  // namespace

TEST_CASE("outbox: a file of version 1 is taken over with all that it holds", "[outbox][migrate]") {
  Box box;
  make_version_1(box.config.path);
  box.open();
  CHECK(box.count(EntryState::pending) == 1);
  CHECK(box->stats().pending_body_bytes == 5);
  const auto claimed = box.claim();
  REQUIRE(claimed.size() == 1);
  CHECK(claimed[0].seq == 2);
  CHECK(claimed[0].body == "hello");
  CHECK_FALSE(claimed[0].order_hash.has_value());
  box.append_ok(make_entry("x"));
  REQUIRE(box.settle({delivered(2)}));
  CHECK(box->stats().pending_body_bytes == 1);
  box.reopen();
  CHECK(box.claim().size() == 1);
  CHECK(box.sql("PRAGMA user_version") == std::to_string(outbox::latest_version()) + "\n");
  CHECK(box.sql("PRAGMA integrity_check") == "ok\n");
}

TEST_CASE("outbox: keys of a file of version 4 are known after the upgrade",
          "[outbox][migrate][keys]") {
  Box box;
  box.open();
  const auto kept = box.append_ok(make_entry("body", "kept"));
  box.append_ok(make_entry("no key"));
  box.outbox.reset();
  // What migration 0005 did, the other way round, with the index as that version had it.
  box.sql(
      "BEGIN; DROP TABLE key_run; DROP TABLE key_block; "
      "CREATE TABLE key_index (hash INTEGER NOT NULL, seq INTEGER NOT NULL, "
      "PRIMARY KEY (hash, seq)) STRICT, WITHOUT ROWID; "
      "INSERT INTO key_index SELECT key_hash, seq FROM entry WHERE key_hash IS NOT NULL; "
      "UPDATE key_progress SET indexed_seq = (SELECT max(seq) FROM entry); "
      "PRAGMA user_version = 4; COMMIT",
      true);
  box.open();
  CHECK(box.sql("PRAGMA user_version") == std::to_string(outbox::latest_version()) + "\n");
  const auto again = box.append(make_entry("body", "kept"));
  REQUIRE(again.has_value());
  CHECK(again->duplicate);
  CHECK(again->id == kept);
  CHECK_FALSE(box.append(make_entry("body", "new")).value().duplicate);
}
