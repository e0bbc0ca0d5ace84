#include "salvage_rig.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <optional>

#include "outbox/page_bytes.hpp"
#include "outbox/page_file.hpp"

namespace holdfast::outbox_tests {
namespace {

constexpr std::size_t page_bytes = 4096;

void find_pages(Image& image) {
  const outbox::MemorySource database(image.database);
  const outbox::MemorySource wal(image.wal);
  const outbox::PageFile file(database, wal);
  for (std::uint32_t number = 1; number <= file.page_count(); ++number) {
    const auto page = outbox::parse_page(file.read(number).value(), number);
    if (!page || page->kind != outbox::PageKind::table_leaf) continue;
    for (const auto& cell : page->cells) {
      auto& own = image.pages[cell.key];
      own.insert(number);
      for (auto next = cell.overflow; next != 0;) {
        own.insert(next);
        next = outbox::big_endian_32(file.read(next).value(), 0);
      }
    }
  }
  image.source_pages = {3, 4};
}

std::vector<Entry> all_entries(Box& box) {
  std::vector<Entry> entries;
  for (const auto& line : box.list(Filter{.oldest_first = true, .limit = 1000}))
    entries.push_back(box.find(line.id));
  return entries;
}

std::size_t below(std::mt19937_64& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

std::string noise(std::mt19937_64& random, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (auto& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace

void Image::put(const Box& box) const {
  write_file(box.config.path, database);
  if (wal.empty()) {
    std::filesystem::remove(box.config.path + "-wal");
  } else {
    write_file(box.config.path + "-wal", wal);
  }
}

Image make_image(std::uint64_t seed, int entries, bool closed) {
  std::mt19937_64 random(seed);
  Box box;
  box.open();
  // One that is not closed shall have all in its WAL: a reader keeps it from beginning anew.
  std::optional<SQLite::Database> reader;
  if (!closed) {
    reader.emplace(box.config.path, SQLite::OPEN_READONLY);
    reader->exec("BEGIN");
    REQUIRE(reader->execAndGet("SELECT count(*) FROM entry").getInt() == 0);
  }
  constexpr std::array<std::size_t, 5> sizes{20, 300, 2000, 9000, 40'000};
  for (int i = 0; i < entries; ++i) {
    auto entry = make_entry(body_of(sizes[below(random, sizes.size())], i));
    if (i % 2 == 0) entry.dedupe_key = "key-" + std::to_string(i);
    if (i % 3 == 0) entry.source = "invoices";
    if (i % 7 == 0) entry.order_key = std::to_string(i % 5);
    box.append_ok(std::move(entry));
    if (i % 10 != 9) continue;
    std::vector<Settlement> settlements;
    std::vector<AttemptRecord> attempts;
    for (const auto& claimed : box.claim({"orders", "invoices"})) {
      const auto choice = below(random, 12);
      if (choice < 2) settlements.push_back(settlement(claimed.seq, EntryState::delivered));
      if (choice == 2) {
        attempts.push_back({claimed.seq, {claimed.received_at, "23514", "data", "check"}});
        settlements.push_back(settlement(claimed.seq, EntryState::dead));
        settlements.back().reason = "data";
      }
    }
    REQUIRE(box.settle(std::move(settlements), std::move(attempts)));
  }
  Image image;
  image.entries = all_entries(box);
  if (closed) box.outbox.reset();
  image.database = read_file(box.config.path);
  if (!closed) image.wal = read_file(box.config.path + "-wal");
  find_pages(image);
  return image;
}

bool same_entry(const Entry& left, const Entry& right, bool source) {
  return left.seq == right.seq && left.id == right.id && (!source || left.source == right.source) &&
         left.dedupe_key == right.dedupe_key && left.state == right.state &&
         left.received_at == right.received_at && left.settled_at == right.settled_at &&
         left.body == right.body && left.headers == right.headers && left.reason == right.reason &&
         left.order_hash == right.order_hash && left.method == right.method &&
         left.target == right.target && left.content_type == right.content_type &&
         left.remote_address == right.remote_address && left.payload_kept == right.payload_kept &&
         !right.payload_damaged;
}

Damage do_damage(std::string& database, std::mt19937_64& random) {
  Damage damage;
  const std::size_t pages = database.size() / page_bytes;
  const auto touch = [&](std::size_t page) {
    damage.pages.insert(static_cast<std::uint32_t>(page + 1));
    return page * page_bytes;
  };
  // Page 1, the roots and any other alike.
  const auto pick = [&] { return below(random, below(random, 3) == 0 ? 8 : pages); };
  switch (below(random, 7)) {
    case 0: {
      damage.what = "flips";
      const auto flips = 1 + below(random, 12);
      for (std::size_t i = 0; i < flips; ++i) {
        const auto at = touch(pick()) + below(random, page_bytes);
        database[at] = static_cast<char>(database[at] ^ (1 << below(random, 8)));
      }
      break;
    }
    case 1:
      damage.what = "zeroed page";
      database.replace(touch(pick()), page_bytes, page_bytes, '\0');
      break;
    case 2:
      damage.what = "page of noise";
      database.replace(touch(pick()), page_bytes, noise(random, page_bytes));
      break;
    case 3: {
      damage.what = "sector of noise";
      database.replace(touch(pick()) + 512 * below(random, 8), 512, noise(random, 512));
      break;
    }
    case 4: {
      damage.what = "swapped pages";
      const auto one = touch(pick());
      const auto other = touch(pick());
      const auto bytes = database.substr(one, page_bytes);
      database.replace(one, page_bytes, database.substr(other, page_bytes));
      database.replace(other, page_bytes, bytes);
      break;
    }
    case 5: {
      damage.what = "cut short";
      const auto left = 1 + below(random, database.size() - 1);
      for (std::size_t page = left / page_bytes; page < pages; ++page) touch(page);
      database.resize(left);
      break;
    }
    default:
      damage.what = "noise at the end";
      database += noise(random, 1 + below(random, 20'000));
      break;
  }
  return damage;
}

std::vector<std::string> files_aside(const Box& box) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(box.folder.path())) {
    const auto name = file.path().string();
    const auto ends_with = [&](const char* suffix) { return name.ends_with(suffix); };
    const bool beside = std::ranges::any_of(std::array{"-wal", "-shm", "-journal"}, ends_with);
    if (name.contains(".damaged-") && !beside) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

namespace {

const std::vector<std::string> all_sources{"orders", "invoices"};

/// Uses all of it; false if the outbox broke down on the way, as the daemon would.
bool exercise(Box& box) {
  static_cast<void>(box->claim({.sources = all_sources, .entries_max = 10'000, .bytes_max = gib}));
  if (!box.broken.empty()) return false;
  box.run_until_idle();
  auto page = box->list(Filter{.limit = 1000});
  if (!page) return false;
  for (const auto& line : *page) static_cast<void>(box->find(line.id));
  return box.broken.empty();
}

/// Opens it as a supervisor would, until it stays up; false if it is refused.
bool bring_up(Box& box, const std::string& damaged) {
  for (int start = 0; start < 3; ++start) {
    const auto opened = box.try_open();
    if (!opened) {
      INFO(opened.error().message);
      REQUIRE(opened.error().kind == FailureKind::refused);
      REQUIRE((read_file(box.config.path) == damaged));
      return false;
    }
    if (start == 0 && box.logged("outbox_salvaged"))
      CHECK((read_file(files_aside(box).at(0)) == damaged));
    if (exercise(box)) return true;
    box.broken.clear();
  }
  FAIL("it does not stay up");
  return false;
}

void check_entries(Box& box, const Image& image, const Damage& damage, Tally& tally) {
  const auto untouched = [&](const std::set<std::uint32_t>& pages) {
    return std::ranges::none_of(pages, [&](auto page) { return damage.pages.contains(page); });
  };
  std::set<std::string> bodies;
  for (const auto& entry : image.entries) {
    bodies.insert(entry.body);
    if (!untouched(image.pages.at(entry.seq))) continue;
    const auto found = box->find(entry.id);
    INFO("entry " << entry.seq);
    REQUIRE(found);
    REQUIRE(*found);
    INFO((*found)->source << " instead of " << entry.source << ", " << to_string((*found)->state)
                          << " instead of " << to_string(entry.state));
    CHECK(same_entry(entry, **found, untouched(image.source_pages)));
    ++tally.kept;
  }
  for (const auto& line : box.list(Filter{.limit = 1000})) {
    const auto entry = box.find(line.id);
    if (entry.payload_kept && !entry.payload_damaged) CHECK(bodies.contains(entry.body));
    if (entry.reason == "damaged") ++tally.set_aside;
    if (entry.state == EntryState::pending) CHECK_FALSE(entry.payload_damaged);
  }
}

void check_it_works(Box& box) {
  const auto id = box.append_ok(make_entry("after", "after-key"));
  CHECK(box.append(make_entry("after", "after-key"))->duplicate);
  const auto claimed = box.claim({"orders"});
  REQUIRE(!claimed.empty());
  CHECK(claimed.back().id == id);
  for (const auto& line : box.list(Filter{.limit = 1000})) CHECK(line.id <= id);
  std::vector<Settlement> settlements;
  for (const auto& entry : claimed) settlements.push_back(delivered(entry.seq));
  REQUIRE(box.settle(std::move(settlements)));
  CHECK(box.claim({"orders"}).empty());
  box.outbox.reset();
  CHECK(box.sql("PRAGMA integrity_check") == "ok\n");
}

}  // namespace

void check_damage(std::uint64_t seed, Tally& tally) {
  static std::map<std::uint64_t, Image> images;
  const auto image_seed = seed % 4;
  if (!images.contains(image_seed)) images.emplace(image_seed, make_image(image_seed, 120));
  const auto& image = images.at(image_seed);
  std::mt19937_64 random(seed);
  Box box;
  std::string database = image.database;
  const Damage damage = do_damage(database, random);
  std::string touched;
  for (const auto page : damage.pages) touched += " " + std::to_string(page);
  INFO("HOLDFAST_SEED=" << seed << " " << damage.what << " in pages" << touched);
  write_file(box.config.path, database);
  ++tally.files;
  if (damage.what == "flips") tally.flips += static_cast<int>(damage.pages.size());
  if (!bring_up(box, database)) {
    // Only what the header says of itself can make it a file of another program or version.
    CHECK(damage.pages.contains(1));
    ++tally.refused;
    return;
  }
  if (box.logged("outbox_salvaged")) {
    ++tally.salvaged;
  } else {
    // A flip in an index hides a row from one query and disturbs no other: only a start that reads
    // all of the file finds it.
    box.outbox.reset();
    write_file(box.config.path + ".state", "suspect\n");
    if (!bring_up(box, read_file(box.config.path))) FAIL("refused though it was in use");
  }
  check_entries(box, image, damage, tally);
  check_it_works(box);
}

}  // namespace holdfast::outbox_tests
