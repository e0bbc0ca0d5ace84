// The batch that is made ready while another one is on its way: what is sent is always what was
// asked for.

#include <stdexcept>

#include "fixture.hpp"

namespace holdfast::postgres {
namespace {

std::vector<Entry> batch_of(std::int64_t first, int count) {
  std::vector<Entry> batch;
  for (std::int64_t seq = first; seq < first + count; ++seq)
    batch.push_back(
        make_entry(seq, "key-" + std::to_string(seq), std::format(R"({{"n":{}}})", seq)));
  return batch;
}

/// The seqs that the inbox holds, and that each row has the body of its own entry.
std::string seqs(const Fixture& fixture) {
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox WHERE (payload->>'n')::bigint <> seq OR "
                    "dedupe_key <> 'key-' || seq") == "0");
  return fixture.one("SELECT string_agg(seq::text, ',' ORDER BY seq) FROM holdfast.inbox");
}

}  // namespace

TEST_CASE("postgres: a batch that was made ready ahead arrives like any other",
          "[postgres][ahead]") {
  Fixture fixture;
  const auto destination = fixture.open();
  const auto first = batch_of(1, 3);
  const auto second = batch_of(4, 2);
  int asked = 0;
  const auto next = [&] {
    ++asked;
    return std::span<const Entry>(second);
  };
  REQUIRE(destination->deliver_and_prepare(first, next));
  CHECK(asked == 1);
  CHECK(seqs(fixture) == "1,2,3");
  REQUIRE(destination->deliver(second));
  CHECK(seqs(fixture) == "1,2,3,4,5");
}

TEST_CASE("postgres: another batch than the one made ready is sent as it is", "[postgres][ahead]") {
  Fixture fixture;
  const auto destination = fixture.open();
  const auto first = batch_of(1, 2);
  const auto ready = batch_of(3, 3);
  // Without its middle, its end, or with more than it; of the same length, and of none of it.
  std::vector<std::vector<Entry>> others{{ready[0], ready[2]}, {ready[0], ready[1]}, ready};
  others[2].push_back(batch_of(6, 1)[0]);
  others.push_back(batch_of(10, 3));
  for (const auto& other : others) {
    const auto outcome = [&] {
      REQUIRE(destination->deliver_and_prepare(first, [&] { return std::span(ready); }));
      return destination->deliver(other);
    }();
    REQUIRE(outcome);
    CHECK(outcome->size() == other.size());
    for (const auto& entry : other) CHECK(fixture.holds(entry.id));
    std::string expected = "1,2";
    for (const auto& entry : other) expected += "," + std::to_string(entry.seq);
    CHECK(seqs(fixture) == expected);
    fixture.cluster.query("DELETE FROM holdfast.inbox");
  }
}

TEST_CASE("postgres: what cannot be made ready ahead is made later", "[postgres][ahead]") {
  Fixture fixture;
  const auto destination = fixture.open();
  const auto first = batch_of(1, 2);
  const auto second = batch_of(3, 2);
  REQUIRE(destination->deliver_and_prepare(
      first, []() -> std::span<const Entry> { throw std::runtime_error("no memory"); }));
  REQUIRE(destination->deliver(second));
  CHECK(seqs(fixture) == "1,2,3,4");
  REQUIRE(
      destination->deliver_and_prepare(batch_of(5, 1), [] { return std::span<const Entry>(); }));
  CHECK(seqs(fixture) == "1,2,3,4,5");
}

}  // namespace holdfast::postgres
