#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "outbox/found_rows.hpp"
#include "outbox/page_bytes.hpp"
#include "outbox/salvage.hpp"
#include "salvage_rig.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::size_t page_size = 4096;

std::uint64_t first_seed() {
  const char* seed = std::getenv("HOLDFAST_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

void all_are_kept(Box& box, const Image& image) {
  for (const auto& entry : image.entries) {
    INFO("entry " << entry.seq);
    CHECK(same_entry(entry, box.find(entry.id)));
  }
}

/// Runs `action` in a child process; its exit code.
template <class F>
int in_child(F&& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    action();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("salvage: whatever happens to the file, entries whose own pages are whole are kept",
          "[outbox][salvage]") {
  const auto seed = first_seed();
  const std::uint64_t seeds = std::getenv("HOLDFAST_SEED") == nullptr ? 60 : 1;
  Tally tally;
  for (std::uint64_t i = 0; i < seeds; ++i) check_damage(seed + i, tally);
  if (seeds > 1) {
    CHECK(tally.salvaged > 0);
    CHECK(tally.set_aside > 0);
    CHECK(tally.kept > 1000);
  }
}

TEST_CASE("salvage: for as long as is asked", "[.soak]") {
  const char* seconds = std::getenv("HOLDFAST_SOAK_SECONDS");
  const SystemClock clock;
  const auto end =
      clock.steady_now() + std::chrono::seconds(seconds == nullptr ? 60 : std::atoi(seconds));
  Tally tally;
  for (auto seed = first_seed(); clock.steady_now() < end; ++seed) check_damage(seed, tally);
  std::printf(
      "soak: damage: files=%d flips=%d salvaged=%d refused=%d kept=%llu damaged=%llu "
      "lost=0\n",
      tally.files, tally.flips, tally.salvaged, tally.refused,
      static_cast<unsigned long long>(tally.kept),
      static_cast<unsigned long long>(tally.set_aside));
}

TEST_CASE("salvage: a first page of zeros costs nothing", "[outbox][salvage]") {
  const auto image = make_image(7, 150);
  Box box;
  auto database = image.database;
  database.replace(0, page_size, page_size, '\0');
  write_file(box.config.path, database);
  box.open();
  CHECK(box.logged("outbox_salvaged"));
  all_are_kept(box, image);
  CHECK(box.list(Filter{.limit = 1000}).size() == image.entries.size());
  CHECK((read_file(files_aside(box).at(0)) == database));
  box.reopen();
  CHECK(box.logged("outbox_damaged_file_kept"));
}

TEST_CASE("salvage: ids grow on, also if the clock was set back by years since",
          "[outbox][salvage]") {
  Box box;
  box.open();
  const Uuid before = box.append_ok(make_entry("before"));
  box->close();
  box.outbox.reset();
  box.clock.jump_wall(-std::chrono::hours(24 * 366 * 3));
  auto bytes = read_file(box.config.path);
  bytes.replace(0, 100, std::string(100, '\0'));
  write_file(box.config.path, bytes);
  box.open();
  REQUIRE(box.logged("outbox_salvaged"));
  CHECK(box.append_ok(make_entry("after")) > before);
}

TEST_CASE("salvage: the rows of an intact file are all read, once, and from their trees",
          "[outbox][salvage]") {
  const auto image = make_image(8, 150, GENERATE(true, false));
  std::map<outbox::RowKind, std::size_t> counts;
  for (const auto& row : outbox::read_rows(image.database, image.wal)) {
    ++counts[row.kind];
    CHECK(row.trusted);
  }
  CHECK(counts[outbox::RowKind::entry] == image.entries.size());
  CHECK(counts[outbox::RowKind::payload] == image.entries.size());
  CHECK(counts[outbox::RowKind::entry_id] == image.entries.size());
  CHECK(counts[outbox::RowKind::source] == 2);
  CHECK(counts[outbox::RowKind::source_name] == 2);
  CHECK(counts[outbox::RowKind::meta] == 1);
  CHECK(counts[outbox::RowKind::attempt] > 0);
}

TEST_CASE("salvage: a payload without its entry is kept for a person to look at",
          "[outbox][salvage]") {
  const auto image = make_image(9, 150);
  auto database = image.database;
  // All leaves of `entry`: they are told from those of `payload` by what a row of it holds.
  std::size_t wiped = 0;
  for (std::uint32_t number = 2; number <= database.size() / page_size; ++number) {
    const auto page = database.substr((number - 1) * page_size, page_size);
    if (outbox::read_rows(std::string(page_size, '\0') + page, "").empty()) continue;
    if (outbox::read_rows(std::string(page_size, '\0') + page, "").front().kind !=
        outbox::RowKind::entry)
      continue;
    database.replace((number - 1) * page_size, page_size, page_size, '\0');
    ++wiped;
  }
  REQUIRE(wiped > 0);
  Box box;
  write_file(box.config.path, database);
  box.open();
  CHECK(box.count(EntryState::dead) == image.entries.size());
  for (const auto& entry : image.entries) {
    const auto found = box.find(entry.id);  // The index on ids still knew.
    CHECK(found.body == entry.body);
    CHECK(found.reason == "damaged");
    CHECK(found.source.starts_with("salvaged_"));
  }
}

TEST_CASE("salvage: a flipped bit in a body is never delivered, and its neighbours go on",
          "[outbox][salvage]") {
  Box box;
  box.open();
  std::vector<Uuid> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(box.append_ok(make_entry(body_of(3000, i), "k" + std::to_string(i))));
  box.outbox.reset();
  auto database = read_file(box.config.path);
  const auto at = database.find(body_of(3000, 2));
  REQUIRE(at != std::string::npos);
  database[at + 100] = 'y';
  write_file(box.config.path, database);
  box.open();
  CHECK(box.claim().size() == 4);
  CHECK(box.claim().size() == 4);
  box.run_until_idle();
  CHECK(box.logged("entry_damaged"));
  CHECK(box.broken.empty());
  const auto damaged = box.find(ids[2]);
  CHECK(damaged.state == EntryState::dead);
  CHECK(damaged.reason == "damaged");
  CHECK(damaged.payload_damaged);
  CHECK(damaged.body.size() == 3000);
  // Asked to send it all the same, it stays where it is.
  const std::jthread writer([&](const std::stop_token& stop) { box->run_writer(stop); });
  REQUIRE(box->change(EntryAction::retry, ids[2])->changed);
  CHECK(box.claim().size() == 4);
  CHECK(eventually([&] { return box.count(EntryState::dead) == 1; }, 10s));
}

TEST_CASE("salvage: an end by an I/O error makes the next start look at all of it",
          "[outbox][salvage]") {
  static const auto image = make_image(10, 420);
  Box box;
  auto database = image.database;
  // A leaf of an index, where neither end of it is and no start looks.
  const auto leaf = [&] {
    for (std::size_t at = 16 * page_size; at < database.size(); at += page_size)
      if (database[at] == 10) return at;
    return std::size_t{0};
  }();
  REQUIRE(leaf != 0);
  const bool hurt = GENERATE(true, false);
  const bool suspect = GENERATE(true, false);
  if (hurt) database.replace(leaf + 2000, 1000, 1000, '\0');
  write_file(box.config.path, database);
  if (suspect) write_file(box.config.path + ".state", "suspect\n");
  box.open();
  CHECK(box.logged("outbox_salvaged") == (hurt && suspect));
  CHECK(box.logged("outbox_checked") == (!hurt && suspect));
  CHECK(read_file(box.config.path + ".state").starts_with("open"));
  if (!hurt || suspect) all_are_kept(box, image);
  if (!hurt || suspect) box.outbox.reset();
  CHECK(std::filesystem::exists(box.config.path + ".state") == (hurt && !suspect));
}

TEST_CASE("salvage: a hole in the WAL loses no commit behind it", "[outbox][salvage]") {
  auto image = make_image(11, 100, false);
  constexpr std::size_t frame = page_size + 24;
  const auto frames = (image.wal.size() - 32) / frame;
  const auto bad = 32 + frames / 2 * frame + 500;
  image.wal[bad] = static_cast<char>(image.wal[bad] ^ 4);
  Box box;
  image.put(box);
  box.open();
  CHECK(box.logged("outbox_salvaged"));
  CHECK((read_file(files_aside(box).at(0)) == image.database));
  CHECK((read_file(files_aside(box).at(0) + "-wal") == image.wal));
  const auto kept = box.list(Filter{.limit = 1000}).size();
  CHECK(kept >= image.entries.size() * 9 / 10);
  CHECK(box.find(image.entries.back().id).body == image.entries.back().body);
}

TEST_CASE("salvage: a WAL with a damaged header is read all the same", "[outbox][salvage]") {
  auto image = make_image(12, 60, false);
  const std::size_t at = GENERATE(0U, 10U, 17U, 25U);
  image.wal[at] = static_cast<char>(image.wal[at] ^ 8);
  Box box;
  image.put(box);
  box.open();
  CHECK(box.logged("outbox_salvaged"));
  all_are_kept(box, image);
}

TEST_CASE("salvage: a WAL of noise is kept aside, and said", "[outbox][salvage]") {
  const auto image = make_image(13, 60);
  Box box;
  image.put(box);
  std::mt19937_64 random(13);
  std::string noise(50'000, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  write_file(box.config.path + "-wal", noise);
  box.open();
  CHECK(box.logged("outbox_salvaged"));
  CHECK((read_file(files_aside(box).at(0) + "-wal") == noise));
  all_are_kept(box, image);
}

TEST_CASE("salvage: a torn end of the WAL is no damage", "[outbox][salvage]") {
  auto image = make_image(14, 60, false);
  std::string torn = image.wal;
  SECTION("cut off") {
    torn.resize(torn.size() - 3000);
  }
  SECTION("noise") {
    torn.replace(torn.size() - 3000, 1000, std::string(1000, 'z'));
  }
  SECTION("zeros behind it") {
    torn += std::string(20'000, '\0');
  }
  SECTION("nothing but zeros") {
    torn.assign(9000, '\0');
  }
  Box box;
  image.wal = torn;
  image.put(box);
  box.open();
  CHECK_FALSE(box.logged("outbox_salvaged"));
}

TEST_CASE("salvage: a WAL that is gone after a crash is said", "[outbox][salvage]") {
  const auto image = make_image(15, 20);
  Box box;
  image.put(box);
  const bool crashed = GENERATE(true, false);
  write_file(box.config.path + ".state", crashed ? "open   \n" : "closing\n");
  box.open();
  CHECK(box.logged("outbox_file_missing") == crashed);
  all_are_kept(box, image);
}

TEST_CASE("salvage: a start that is killed at any step is finished by the next",
          "[outbox][salvage][crash]") {
  const auto image = make_image(16, 60);
  auto database = image.database;
  database.replace(0, page_size, page_size, '\0');
  int steps = 0;
  for (int last = 0; last <= 9; ++last) {
    Box box;
    write_file(box.config.path, database);
    write_file(box.config.path + "-shm", "shm");
    INFO("killed at step " << last);
    const auto files = outbox::resolve_files(box.config.path);
    const int code = in_child([&] {
      int step = 0;
      static_cast<void>(outbox::salvage(files, WallTime(1'700'000'000'000ms), [&] {
        if (step++ == last) ::_exit(7);
      }));
    });
    if (code == 7) ++steps;
    box.open();
    all_are_kept(box, image);
    const auto aside = files_aside(box);
    REQUIRE(aside.size() == 1);
    CHECK((read_file(aside.at(0)) == database));
    for (const auto& file : std::filesystem::directory_iterator(box.folder.path()))
      CHECK_FALSE(file.path().string().contains(".salvage"));
  }
  CHECK(steps == 8);
}

TEST_CASE("salvage: the journal of the damaged file goes with it, and the new file needs none",
          "[outbox][salvage]") {
  const auto image = make_image(18, 40);
  auto database = image.database;
  database.replace(0, page_size, page_size, '\0');
  Box box;
  write_file(box.config.path, database);
  write_file(box.config.path + "-journal", "of the damaged one");
  const auto files = outbox::resolve_files(box.config.path);
  static_cast<void>(outbox::salvage(files, WallTime(1'700'000'000'000ms)));
  CHECK_FALSE(std::filesystem::exists(box.config.path + "-journal"));
  // In WAL mode already: to change to it would take a journal.
  const auto header = read_file(box.config.path).substr(18, 2);
  CHECK((header == "\x02\x02"));
  box.open();
  all_are_kept(box, image);
  CHECK(files_aside(box).size() == 1);
}

TEST_CASE("salvage: without room for the new file all stays where it is", "[outbox][salvage]") {
  const auto image = make_image(17, 100);
  auto database = image.database;
  database.replace(0, page_size, page_size, '\0');
  Box box;
  write_file(box.config.path, database);
  const auto files = outbox::resolve_files(box.config.path);
  const int code = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200'000, 200'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      static_cast<void>(outbox::salvage(files, WallTime(1ms)));
    } catch (const Error& error) {
      ::_exit(error.failure().kind == FailureKind::refused ? 3 : 4);
    }
  });
  CHECK(code == 3);
  CHECK((read_file(box.config.path) == database));
  CHECK(files_aside(box).empty());
  CHECK_FALSE(std::filesystem::exists(box.config.path + ".salvage"));
  box.open();
  all_are_kept(box, image);
}

TEST_CASE("salvage: a file that another process has open is not touched", "[outbox][salvage]") {
  const auto image = make_image(18, 60);
  Box box;
  image.put(box);
  int ready[2] = {};
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const SQLite::Database other(box.config.path, SQLite::OPEN_READWRITE);
    static_cast<void>(
        SQLite::Database(box.config.path, SQLite::OPEN_READWRITE).execAndGet("SELECT 1"));
    SQLite::Database held(box.config.path, SQLite::OPEN_READWRITE);
    static_cast<void>(held.execAndGet("SELECT count(*) FROM entry"));
    static_cast<void>(::write(ready[1], "x", 1));
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  auto database = image.database;
  database.replace(0, 100, std::string(100, '\0'));
  {
    // In place, so that it stays the file that the other one has open.
    std::FILE* file = std::fopen(box.config.path.c_str(), "r+b");
    REQUIRE(std::fwrite(database.data(), 1, 100, file) == 100);
    std::fclose(file);
  }
  const auto refused = box.try_open();
  REQUIRE(!refused);
  CHECK(refused.error().kind == FailureKind::refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("another program has it open"));
  CHECK((read_file(box.config.path) == database));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  box.open();
  all_are_kept(box, image);
}
