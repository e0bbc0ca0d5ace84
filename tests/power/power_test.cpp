#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <print>

#include "lab.hpp"

using namespace holdfast;
using namespace holdfast::power;
using namespace std::chrono_literals;

namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// One life of an outbox by seed: some steps, and images at each position of its disk.
struct Life {
  std::uint64_t images = 0;
  std::uint64_t distinct = 0;
  std::uint64_t facts = 0;
};
Life live(std::uint64_t seed, int steps, int images_each, Inspector& inspector) {
  // Every eighth life has bodies over many pages, and checkpoints of a WAL that grew large.
  Lab lab(seed, seed % 8 == 7 ? 120'000 : 3'000);
  REQUIRE(lab.start());
  const auto images_before = inspector.images();
  const auto distinct_before = inspector.distinct();
  // What the opening itself wrote is part of the life: a cut may come while the file is made.
  std::uint64_t looked = lab.disk.first_position();
  for (int i = 0; i < steps; ++i) {
    lab.step();
    for (; looked <= lab.position(); ++looked)
      for (int image = 0; image < images_each; ++image) {
        const auto image_seed = image < 2 ? static_cast<std::uint64_t>(image) : lab.random();
        for (const auto& problem : inspector.look(lab, looked, image_seed))
          FAIL("power: " << problem << "; HOLDFAST_SEED=" << seed << ", position " << looked
                         << ", image " << image_seed);
      }
  }
  return {inspector.images() - images_before, inspector.distinct() - distinct_before,
          lab.facts.size()};
}

/// Problems at any position from `from` on, with any loss.
std::size_t problems_of(const Lab& lab, std::uint64_t from,
                        Inspector::Salvages salvages = Inspector::Salvages::never) {
  Inspector inspector(salvages);
  std::size_t problems = 0;
  for (auto position = from; position <= lab.position(); ++position)
    for (const std::uint64_t seed : {0U, 1U, 2U, 3U, 4U})
      for (const auto& problem : inspector.look(lab, position, seed)) {
        UNSCOPED_INFO(problem << " at " << position << " of " << lab.position());
        ++problems;
      }
  return problems;
}

/// A process dies between writing a commit and syncing it; the next one answers a repeat of it.
void answer_from_the_page_cache(Lab& lab, bool checkpoint_on_open) {
  REQUIRE(lab.start());
  lab.append(3);
  lab.disk.before_wal_sync([&] { lab.disk.kill_process(); });
  lab.append(1);
  lab.disk.before_wal_sync({});
  lab.kill();
  REQUIRE(lab.start(checkpoint_on_open));
  lab.repeat_newest();
}

}  // namespace

TEST_CASE("power: whenever the power goes, what was acknowledged is there", "[power]") {
  const auto seed = number_from("HOLDFAST_SEED", 1);
  const std::uint64_t lives = std::getenv("HOLDFAST_SEED") == nullptr ? 6 : 1;
  Inspector inspector;
  std::uint64_t facts = 0;
  for (std::uint64_t i = 0; i < lives; ++i) facts += live(seed + i, 25, 16, inspector).facts;
  CHECK(inspector.distinct() > 500 * lives);
  CHECK(facts > 40 * lives);
}

TEST_CASE("power: a file of an older version keeps all, whenever the power goes in its migration",
          "[power][migrate]") {
  Lab lab(number_from("HOLDFAST_SEED", 1));
  REQUIRE(lab.start());
  for (int i = 0; i < 12; ++i) lab.step();
  lab.append(3);
  lab.stop();
  lab.become_version_1();
  const auto before = lab.position();
  REQUIRE(lab.start());
  const auto migrated = lab.position();
  lab.append(2);
  lab.settle_some();
  CHECK(migrated > before + 10);
  // What is found before the first write of the new version is the file of the old one.
  CHECK(problems_of(lab, before + 1) == 0);
}

TEST_CASE("power: all is there, whenever the power goes around checkpoints that move a part",
          "[power]") {
  Lab lab(number_from("HOLDFAST_SEED", 1), 400'000);
  REQUIRE(lab.start());
  Inspector inspector;
  std::uint64_t looked = 0;
  // Until the WAL has begun anew.
  for (int i = 0; i < 24; ++i) {
    const auto before = lab.position();
    lab.append(6);
    if (lab.random() % 4 == 0) lab.settle_some();
    // Its commits, its checkpoint and what is between them, each page of which is a position.
    const auto stride = 1 + (lab.position() - before) / 3;
    for (auto at = std::max(before, lab.disk.first_position()); at <= lab.position();
         at += stride) {
      const auto image = ++looked % 2 == 0 ? 0 : lab.random();
      for (const auto& problem : inspector.look(lab, at, image))
        FAIL_CHECK("power: " << problem << "; position " << at << ", image " << image);
    }
  }
  CHECK(looked > 60);
}

TEST_CASE("power: what a salvage has kept stays, whenever the power goes after it",
          "[power][salvage]") {
  Lab lab(number_from("HOLDFAST_SEED", 1));
  REQUIRE(lab.start());
  for (int i = 0; i < 12; ++i) lab.step();
  lab.append(3);
  lab.stop();
  lab.damage_header();
  const auto before = lab.position();
  REQUIRE(lab.start());
  lab.append(2);
  // Until the new file has its name, images are of the damaged one.
  CHECK(problems_of(lab, before + 1, Inspector::Salvages::may) == 0);
}

TEST_CASE("power: soak", "[.soak]") {
  const auto seconds = std::chrono::seconds(number_from("HOLDFAST_SOAK_SECONDS", 60));
  const SystemClock clock;
  const auto end = clock.steady_now() + seconds;
  const auto first = number_from("HOLDFAST_SEED", 1);
  Life all;
  auto seed = first;
  for (; clock.steady_now() < end; ++seed) {
    Inspector inspector;
    const auto life = live(seed, 40, 12, inspector);
    all.images += life.images;
    all.distinct += life.distinct;
    all.facts += life.facts;
  }
  std::println("soak: power: images={} distinct={} seeds={} acknowledged={} lost=0 doubled=0",
               all.images, all.distinct, seed - first, all.facts);
}

TEST_CASE("power: a duplicate that was answered from the page cache is there after a cut",
          "[power]") {
  Lab lab(1);
  answer_from_the_page_cache(lab, true);
  CHECK(problems_of(lab, lab.disk.first_position()) == 0);
}

TEST_CASE("power: without the checkpoint before listening that duplicate would be lost",
          "[power][bites]") {
  Lab lab(1);
  answer_from_the_page_cache(lab, false);
  CHECK(problems_of(lab, lab.position()) > 0);
}

TEST_CASE("power: with synchronous=NORMAL acknowledged writes would be lost", "[power][bites]") {
  Lab lab(1);
  lab.disk.pretend_full_synchronous();
  REQUIRE(lab.start());
  lab.append(3);
  lab.append(3);
  CHECK(problems_of(lab, lab.position()) > 0);
}

TEST_CASE("power: the image of all that was written is what lies on the disk", "[power]") {
  Lab lab(5);
  REQUIRE(lab.start());
  for (int i = 0; i < 10; ++i) lab.append(2);
  const auto before = lab.disk.image(lab.position(), 1);
  lab.disk.cut_power(1);
  lab.kill();
  REQUIRE(lab.start());
  for (const auto& fact : lab.facts) CHECK(lab.outbox->find(fact.id).value().has_value());
  CHECK(before.contains("holdfast.db-wal"));
}
