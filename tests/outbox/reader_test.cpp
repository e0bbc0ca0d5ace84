#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "fixture.hpp"
#include "holdfast/outbox_reader.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("outbox reader: reads while the outbox is open, after it closed and after a crash",
          "[outbox][reader]") {
  Box box;
  box.open();
  const auto id = box.append_ok(make_entry("body", "key"));
  const auto check = [&](const std::string& path) {
    auto reader = OutboxReader::open(path);
    INFO((reader ? "" : reader.error().message));
    REQUIRE(reader);
    const auto page = reader->list({});
    REQUIRE(page);
    REQUIRE(page->size() == 1);
    CHECK(page->front().id == id);
    const auto found = reader->find(id);
    REQUIRE(found);
    CHECK((*found)->body == "body");
    CHECK(*reader->find(Uuid{}) == std::nullopt);
    OutboxReader moved = *std::move(reader);
    CHECK(moved.list(Filter{.dedupe_key = "key"})->size() == 1);
  };
  check(box.config.path);
  Box crashed;
  for (const char* suffix : {"", "-wal"})
    write_file(crashed.config.path + suffix, read_file(box.config.path + suffix));
  const auto wal = read_file(crashed.config.path + "-wal");
  const auto database = read_file(crashed.config.path);
  check(crashed.config.path);
  // It neither checkpoints nor removes what the next start has to recover.
  CHECK(read_file(crashed.config.path + "-wal") == wal);
  CHECK(read_file(crashed.config.path) == database);
  box.outbox.reset();
  check(box.config.path);
  box.open();
}

TEST_CASE("outbox reader: a missing file is named and not made", "[outbox][reader]") {
  Box box;
  const auto reader = OutboxReader::open(box.config.path);
  REQUIRE(!reader);
  CHECK(reader.error().kind == FailureKind::refused);
  CHECK_THAT(reader.error().message, ContainsSubstring("no such file"));
  CHECK_FALSE(std::filesystem::exists(box.config.path));
}

TEST_CASE("outbox reader: what is no outbox is refused", "[outbox][reader]") {
  Box box;
  write_file(box.config.path, "");
  CHECK(OutboxReader::open(box.config.path).error().kind == FailureKind::refused);
  write_file(box.config.path, std::string(5000, 'z'));
  CHECK(OutboxReader::open(box.config.path).error().kind == FailureKind::broken);
}

TEST_CASE("outbox reader: sees whole groups only, and holds up no writer",
          "[outbox][reader][threads]") {
  Box box;
  box.open();
  std::atomic<bool> stop = false;
  const RunningWriter writer(*box.outbox);
  std::atomic<int> pages = 0;
  std::atomic<int> failures = 0;
  const std::jthread observer([&] {
    auto reader = OutboxReader::open(box.config.path);
    while (reader && !stop) {
      const auto page = reader->list(Filter{.limit = 1000});
      ++(page ? pages : failures);
    }
  });
  for (int i = 0; i < 300; ++i) REQUIRE(box->append(make_entry(body_of(3000, i)), 30s));
  CHECK(eventually([&] { return pages > 0 || failures > 0; }, 10s));
  stop = true;
  CHECK(failures == 0);
  CHECK(pages > 0);
}
