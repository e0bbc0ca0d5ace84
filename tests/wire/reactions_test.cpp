#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <list>
#include <memory>

#include "rig.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace holdfast::wire;
using namespace std::chrono_literals;

namespace {

struct Scene {
  std::string name;
  Place place = Place::login;
  Fault fault;
  std::string seen;  ///< In the last error of the health document.
};

/// One daemon before one fake server, and what was posted so far.
struct Play {
  explicit Play(Scene chosen) : scene(std::move(chosen)) {
    auto config = e2e::config_for(fake.url());
    config.sources = "[[source]]\nname = \"plain\"\nprovider = \"none\"\n";
    daemon = std::make_unique<Daemon>(config);
    daemon->start();
    post(1);
    REQUIRE(daemon->drains(20s));
  }
  void post(int writes) {
    for (int i = 0; i < writes; ++i) {
      const int number = static_cast<int>(outcomes.size());
      outcomes.push_back(e2e::post_one(*daemon, e2e::write_number(number, false)));
      CHECK(outcomes.back().last_status == 202);
    }
  }
  /// Sessions end, and whatever comes next meets the fault.
  void begin() {
    fake.fail(scene.place, scene.fault);
    began = fake.logins().size();
    visits_before = fake.visits(scene.place);
    began_at = clock.steady_now();
    fake.end_all();
    post(10);
  }
  /// Once, and again for each 30 s that have passed.
  [[nodiscard]] bool asks_seldom() const {
    const auto allowed = 1 + (clock.steady_now() - began_at) / 30s;
    return fake.visits(scene.place) - visits_before <= static_cast<std::uint64_t>(allowed);
  }
  /// The shortest time between two logins since then.
  [[nodiscard]] std::chrono::milliseconds shortest_wait() const {
    auto shortest = std::chrono::milliseconds(24h);
    const auto logins = fake.logins();
    for (std::size_t i = began + 1; i < logins.size(); ++i)
      shortest = std::min(
          shortest, std::chrono::floor<std::chrono::milliseconds>(logins[i].at - logins[i - 1].at));
    return shortest;
  }
  [[nodiscard]] std::string last_error() const {
    const auto error = daemon->health().at("destination").at("last_error");
    return error.is_null() ? "" : error.get<std::string>();
  }
  /// Nothing is lost, dead, charged or done twice, though nothing gets through either.
  void check_waits() const {
    const auto health = daemon->health();
    CHECK(health.at("status") == "degraded");
    CHECK(health.at("outbox").at("dead") == 0);
    CHECK(health.at("outbox").at("pending") == 10);
    CHECK(daemon->readyz() == 200);
    CHECK(attempts_charged(*daemon) == 0);
    CHECK(last_error().contains(scene.seen));
    CHECK_FALSE(health.dump().contains(quoted_value));
    CHECK_FALSE(daemon->log_text().contains(quoted_value));
  }

  Scene scene;
  FakePostgres fake;
  std::unique_ptr<Daemon> daemon;
  std::vector<WriteOutcome> outcomes;
  SystemClock clock;
  SteadyTime began_at;
  std::size_t began = 0;            ///< Logins before the fault,
  std::uint64_t visits_before = 0;  ///< and visits of its place.
};

/// The statement of one source cannot work: that source waits alone.
struct OwnPlay {
  OwnPlay() {
    auto config = e2e::config_for(fake.url());
    config.sources +=
        "[[source]]\nname = \"written\"\nprovider = \"none\"\nwrite = [ { statement = "
        "\"INSERT INTO things (id) VALUES ($1)\", parameters = [\"/number\"] } ]\n";
    daemon = std::make_unique<Daemon>(config);
    daemon->start();
  }
  void post(bool to_written) {
    auto write = e2e::write_number(static_cast<int>(outcomes.size()), false);
    if (to_written) write.request.target = "/ingest/written";
    outcomes.push_back(e2e::post_one(*daemon, std::move(write)));
    CHECK(outcomes.back().last_status == 202);
  }
  void begin() {
    fake.fail(Place::describe, answers("42P01", "relation \"things\" does not exist"));
    for (int i = 0; i < 10; ++i) post(i % 2 == 0);
  }
  void check_others_go_on() {
    CHECK(eventually([&] { return daemon->pending() == 5; }, 20s));
    const auto health = daemon->health();
    CHECK(health.at("status") == "degraded");
    CHECK(health.at("relay").at("paused") == false);
    CHECK(health.at("relay").at("paused_sources") == nlohmann::json::array({"written"}));
    CHECK(attempts_charged(*daemon) == 0);
    CHECK(fake.statements() == 0);
  }

  FakePostgres fake;
  std::unique_ptr<Daemon> daemon;
  std::vector<WriteOutcome> outcomes;
};

Fault breaks(Fault::Kind kind, bool committed = false) {
  return {.kind = kind, .committed = committed};
}

}  // namespace

TEST_CASE("wire: whatever a person must mend pauses, asks no more than every 30 s, and ends itself",
          "[wire][e2e][pause]") {
  const std::vector<Scene> scenes{
      {"password", Place::login, ends_with("28P01", "password authentication failed"), "28P01"},
      {"neon password", Place::login,
       answers("XX000", "password authentication failed for user 'neondb_owner'"), "password"},
      {"neon quota", Place::login,
       answers("XX000", "Your project has exceeded the data transfer quota."), "quota"},
      {"pooler", Place::login, ends_with("08P01", "unsupported startup parameter: options"),
       "unsupported startup parameter"},
      {"schema", Place::inbox, answers("42P10", "there is no unique constraint"), "42P10"},
      {"defect", Place::inbox, answers("22P03", "incorrect binary data format"), "22P03"},
  };
  std::list<Play> plays;
  for (const auto& scene : scenes) plays.emplace_back(scene);
  OwnPlay own;
  for (auto& play : plays) play.begin();
  own.begin();
  own.check_others_go_on();
  for (auto& play : plays) {
    CAPTURE(play.scene.name);
    REQUIRE(play.daemon->reaches_state("paused", 20s));
    play.check_waits();
    CHECK(play.daemon->health().at("relay").at("paused") == true);
    CHECK_FALSE(play.last_error().contains("neondb_owner"));
  }
  CHECK(stays([&] { return std::ranges::all_of(plays, &Play::asks_seldom); }, 3s));
  // All at once: the next look at each is 30 s after the first.
  own.fake.heal();
  for (auto& play : plays) play.fake.heal();
  for (auto& play : plays) {
    CAPTURE(play.scene.name);
    everything_arrives(*play.daemon, play.fake, play.outcomes);
    CHECK(play.daemon->health().at("status") == "ok");
    CHECK(attempts_charged(*play.daemon) == 0);
  }
  everything_arrives(*own.daemon, own.fake, own.outcomes);
  CHECK(own.fake.statements() == 5);
}

TEST_CASE("wire: whatever passes by itself is tried again and charges nothing",
          "[wire][e2e][outage]") {
  const std::vector<Scene> scenes{
      {"starting", Place::login, ends_with("57P03", "the database system is starting up"), "57P03"},
      {"compute wakes", Place::login,
       answers("XX000", "Control plane request failed: endpoint is starting"), "Control plane"},
      {"full", Place::login, ends_with("53300", "sorry, too many clients already"), "53300"},
      {"pooler", Place::begin, ends_with("08P01", "query_wait_timeout"), "query_wait_timeout"},
      {"replica", Place::inbox,
       answers("25006", "cannot execute INSERT in a read-only transaction"), "25006"},
      {"no room", Place::inbox,
       answers("53100", "could not extend file because project size limit"), "53100"},
      {"closes", Place::inbox, breaks(Fault::Kind::close), "closed"},
      {"rubbish", Place::begin, breaks(Fault::Kind::garbage), "lost synchronization"},
      {"doubt", Place::commit, breaks(Fault::Kind::reset), ""},
      {"doubt, stored", Place::commit, breaks(Fault::Kind::close, true), ""},
  };
  std::list<Play> plays;
  for (const auto& scene : scenes) plays.emplace_back(scene);
  for (auto& play : plays) play.begin();
  for (auto& play : plays) {
    CAPTURE(play.scene.name);
    REQUIRE(play.daemon->reaches_state("backing_off", 20s));
    play.check_waits();
    // It is tried again and again.
    const auto before = play.fake.visits(play.scene.place);
    CHECK(eventually([&] { return play.fake.visits(play.scene.place) > before; }, 20s));
    play.check_waits();
    // One that counts connections is not asked at once again.
    if (play.scene.name == "full") CHECK(play.shortest_wait() >= 5s);
  }
  for (auto& play : plays) play.fake.heal();
  for (auto& play : plays) {
    CAPTURE(play.scene.name);
    everything_arrives(*play.daemon, play.fake, play.outcomes);
    CHECK(play.daemon->health().at("status") == "ok");
    CHECK(attempts_charged(*play.daemon) == 0);
  }
}

TEST_CASE("wire: what meets one batch is done again at once, and only data is charged",
          "[wire][e2e][entry]") {
  struct Once {
    Place place;
    Fault fault;
    std::uint64_t times;
    std::uint64_t charged;
  };
  const std::vector<Once> cases{
      {Place::inbox, answers("40001", "could not serialize access"), 2, 0},
      {Place::commit, answers("40P01", "deadlock detected"), 2, 0},
      {Place::inbox, answers("55P03", "canceling statement due to lock timeout"), 1, 0},
      {Place::commit, breaks(Fault::Kind::reset, true), 1, 0},
      {Place::inbox, ends_with("23514", "violates check constraint"), 2, 0},
      {Place::inbox, answers("23503", "violates foreign key constraint", "parent"), 1, 1},
      {Place::inbox, answers("23514", "violates check constraint", "fits"), 1, 1},
  };
  Play play({});
  std::uint64_t charged = 0;
  for (const auto& once : cases) {
    CAPTURE(once.fault.error.sqlstate);
    play.fake.fail(once.place, once.fault, once.times);
    play.post(1);
    REQUIRE(play.daemon->drains(20s));
    charged += once.charged;
    CHECK(attempts_charged(*play.daemon) == charged);
  }
  play.fake.heal();
  everything_arrives(*play.daemon, play.fake, play.outcomes);
  // Refused twice in a row, alone: dead, with what the server said, and the next one arrives.
  play.fake.fail(Place::inbox, answers("23514", "violates check constraint", "fits"), 2);
  const auto refused = e2e::post_one(*play.daemon, e2e::write_number(100, false));
  REQUIRE(play.daemon->drains(20s));
  CHECK(play.daemon->health().at("outbox").at("dead") == 1);
  const auto shown = play.daemon->run({"outbox", "show", refused.ids.at(0), "--json"});
  CHECK(shown.out.contains("23514"));
  CHECK(shown.out.contains("fits"));
  CHECK_FALSE(shown.out.contains(quoted_value));
  const auto next = e2e::post_one(*play.daemon, e2e::write_number(101, false));
  REQUIRE(play.daemon->drains(20s));
  CHECK(play.fake.holds(Uuid::parse(next.ids.at(0)).value()));
  CHECK_FALSE(play.fake.holds(Uuid::parse(refused.ids.at(0)).value()));
}
