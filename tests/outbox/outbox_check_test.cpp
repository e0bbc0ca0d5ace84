#include "holdfast/outbox_check.hpp"

#include <sys/stat.h>

#include <unistd.h>
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

TEST_CASE("outbox check: a running outbox is looked at without being touched", "[outbox][check]") {
  Box box;
  const auto empty = look_at_outbox(box.config.path);
  REQUIRE(empty.has_value());
  CHECK(empty->files.empty());
  CHECK(empty->used_bytes == 0);
  CHECK(check_outbox(box.config.path, std::nullopt)->complete);
  box.open();
  box.append_ok(make_entry(std::string(100'000, 'x'), "key"));
  const auto facts = look_at_outbox(box.config.path);
  REQUIRE(facts.has_value());
  CHECK(facts->folder == box.folder.path());
  CHECK(facts->used_bytes > 100'000);
  CHECK(facts->wal_bytes == box.wal_bytes());
  CHECK(facts->wal_bytes > 0);
  CHECK(facts->disk_free_bytes > 0);
  CHECK(facts->node == box->node());
  CHECK_FALSE(empty->node);
  CHECK(facts->daemon_pid == ::getpid());
  CHECK(facts->is_locked);
  CHECK_FALSE(empty->is_locked);
  REQUIRE(facts->files.size() >= 3);
  for (const auto& file : facts->files) {
    CAPTURE(file.path);
    CHECK(file.mode == 0600);
  }
  ::chmod(box.config.path.c_str(), 0644);
  CHECK(look_at_outbox(box.config.path)->files.front().mode == 0644);
  const auto sound = check_outbox(box.config.path, std::nullopt);
  REQUIRE(sound.has_value());
  CHECK(sound->complete);
  CHECK(sound->damage == std::nullopt);
  // The writer is not in its way, nor it in the writer's.
  box.append_ok(make_entry("more", "key-2"));
  box->close();
  box.outbox.reset();
  CHECK_FALSE(look_at_outbox(box.config.path)->is_locked);
}

TEST_CASE("outbox check: reading ends when its time is over", "[outbox][check]") {
  Box box;
  box.open();
  for (int i = 0; i < 300; ++i)
    box.append_ok(make_entry(std::string(10'000, 'x'), std::format("key-{}", i)));
  const auto cut = check_outbox(box.config.path, std::chrono::milliseconds(0));
  REQUIRE(cut.has_value());
  CHECK_FALSE(cut->complete);
  CHECK(cut->damage == std::nullopt);
}

TEST_CASE("outbox check: damage is told, and what is no outbox refused", "[outbox][check]") {
  Box box;
  box.open();
  for (int i = 0; i < 50; ++i)
    box.append_ok(make_entry(std::string(5'000, 'x'), std::format("key-{}", i)));
  box.outbox.reset();
  auto bytes = read_file(box.config.path);
  std::fill(bytes.begin() + 8192, bytes.begin() + 16'384, 'x');
  write_file(box.config.path, bytes);
  const auto damaged = check_outbox(box.config.path, std::nullopt);
  REQUIRE(damaged.has_value());
  CHECK(damaged->damage.has_value());
  write_file(box.config.path, "this is a text and no database, and it is long enough to be one");
  CHECK_FALSE(check_outbox(box.config.path, std::nullopt).has_value());
  CHECK_FALSE(look_at_outbox(box.config.path).has_value());
  CHECK_FALSE(look_at_outbox("/no/such/folder/x.db").has_value());
}
