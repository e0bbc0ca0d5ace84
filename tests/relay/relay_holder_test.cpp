// One relay after the other on one outbox: what is counted goes on, and never do two deliver.

#include "relay/relay_holder.hpp"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <format>
#include <mutex>
#include <thread>

#include "holdfast/outbox.hpp"
#include "support/fake_destination.hpp"
#include "support/scratch_folder.hpp"
#include "support/wait.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using relay::RelayHolder;
using support::eventually;
using support::FakeDestination;

namespace {

/// What the sessions of all relays of a test share.
struct World {
  FakeDestination server;
  std::atomic<int> inside = 0;      ///< Deliveries at this moment.
  std::atomic<int> most = 0;        ///< The most there ever were.
  std::atomic<bool> stuck = false;  ///< A delivery hangs, whatever interrupts it.
  std::atomic<int> hanging = 0;
};

/// A session that tells when it is used, and that can hang where nothing can interrupt it.
class Watched final : public Destination {
 public:
  explicit Watched(World& world) : world_(world), session_(world.server.another_session()) {}
  std::expected<std::vector<Delivered>, DeliveryFailure> deliver(
      std::span<const Entry> batch) override {
    const int inside = ++world_.inside;
    if (inside > world_.most) world_.most = inside;
    ++world_.hanging;
    (void)eventually([&] { return !world_.stuck.load(); }, 30s);
    --world_.hanging;
    auto outcome = session_->deliver(batch);
    --world_.inside;
    return outcome;
  }
  std::expected<void, DeliveryFailure> probe() override { return session_->probe(); }
  bool connected() const override { return session_->connected(); }
  void close() override { session_->close(); }
  void interrupt() override { session_->interrupt(); }
  std::uint64_t connects() const override { return session_->connects(); }

 private:
  World& world_;
  const std::unique_ptr<FakeDestination> session_;
};

class Rig {
 public:
  explicit Rig(RelayHolder::Parts parts) {
    OutboxConfig config;
    config.path = folder.file("holdfast.db");
    config.disk_reserve_bytes = 0;
    auto opened = Outbox::open(config, {.clock = clock,
                                        .log = [](const LogEvent&) {},
                                        .on_broken = [](const Failure&) {},
                                        .vfs = ""});
    REQUIRE(opened);
    outbox = std::move(*opened);
    holder = std::make_unique<RelayHolder>(
        std::move(parts), RelayHolder::Dependencies{*outbox, clock, [](const LogEvent&) {}});
    outbox->on_appended([this] { holder->wake(); });
    writer_ = std::jthread([this](const std::stop_token& stop) { outbox->run_writer(stop); });
    holder->start();
  }
  ~Rig() { CHECK(holder->stop(5s)); }
  void append(const std::string& source, const std::string& body) {
    NewEntry entry;
    entry.source = source;
    entry.body = body;
    const auto appended = outbox->append(std::move(entry), 5s);
    REQUIRE(appended);
  }
  std::uint64_t pending() const {
    return outbox->stats().entries.at(static_cast<std::size_t>(EntryState::pending));
  }
  std::int64_t seq_of_first() {
    ListRequest request;
    request.oldest_first = true;
    const auto listed = outbox->list(request);
    REQUIRE(listed);
    return listed->at(0).seq;
  }
  bool drains() const {
    return eventually([&] { return pending() == 0; }, 20s);
  }

  SystemClock clock;
  support::ScratchFolder folder;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<RelayHolder> holder;

 private:
  std::jthread writer_;
};

RelayHolder::Parts parts_of(World& world, std::vector<std::string> sources,
                            std::size_t connections = 1) {
  RelayHolder::Parts parts;
  parts.options.sources = std::move(sources);
  parts.options.destination.backoff_max = 50ms;
  for (std::size_t i = 0; i < connections; ++i)
    parts.destinations.push_back(std::make_unique<Watched>(world));
  return parts;
}

std::uint64_t observed(const HistogramSnapshot& histogram) {
  std::uint64_t count = 0;
  for (const auto each : histogram.counts) count += each;
  return count;
}

}  // namespace

TEST_CASE("relay: another relay delivers to another destination, and the counters go on",
          "[relay][holder]") {
  World first, second;
  Rig rig(parts_of(first, {"a", "b"}));
  rig.append("a", "one");
  REQUIRE(rig.drains());
  const auto before = rig.holder->stats();
  REQUIRE(rig.holder->replace(parts_of(second, {"a", "b"}, 2), 5s, {}));
  CHECK_FALSE(first.server.connected());
  const auto between = rig.holder->stats();
  CHECK(between.delivered_by_source == before.delivered_by_source);
  CHECK(between.attempts == before.attempts);
  CHECK(between.last_success == before.last_success);
  CHECK(between.connects == before.connects);
  CHECK(between.state == DestinationState::idle);
  rig.append("a", "two");
  REQUIRE(rig.drains());
  CHECK(first.server.rows().size() == 1);
  CHECK(second.server.rows().size() == 1);
  const auto after = rig.holder->stats();
  CHECK(after.delivered_by_source.at("a") == 2);
  CHECK(after.attempts.at({"delivered", ""}) == before.attempts.at({"delivered", ""}) + 1);
  CHECK(after.connects == before.connects + 1);
  CHECK(observed(after.delivery_seconds) == observed(before.delivery_seconds) + 1);
  CHECK(observed(after.end_to_end_seconds) == 2);
}

TEST_CASE("relay: a source that is gone waits, and is delivered once it is there again",
          "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a", "b"}));
  REQUIRE(rig.holder->replace(parts_of(world, {"b"}), 5s, {}));
  rig.append("a", "held");
  rig.append("b", "goes");
  REQUIRE(eventually([&] { return rig.pending() == 1; }, 10s));
  CHECK(support::stays([&] { return rig.pending() == 1; }, 300ms));
  REQUIRE(rig.holder->replace(parts_of(world, {"a", "b"}), 5s, {}));
  CHECK(rig.drains());
  CHECK(world.server.rows().size() == 2);
}

TEST_CASE("relay: a destination that was not configured is delivered to, and back",
          "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a"}, 0));
  rig.append("a", "one");
  CHECK(rig.holder->stats().state == DestinationState::unconfigured);
  REQUIRE(rig.holder->replace(parts_of(world, {"a"}), 5s, {}));
  REQUIRE(rig.drains());
  REQUIRE(rig.holder->replace(parts_of(world, {"a"}, 0), 5s, {}));
  const auto stats = rig.holder->stats();
  CHECK(stats.state == DestinationState::unconfigured);
  CHECK(stats.delivered_by_source.at("a") == 1);
  CHECK(observed(stats.delivery_seconds) == 1);
}

TEST_CASE("relay: with another destination that answers, nothing is failing any more",
          "[relay][holder]") {
  World away, well;
  away.server.fail_next(support::failure_of(DeliveryClass::connection), 1'000'000);
  Rig rig(parts_of(away, {"a"}));
  rig.append("a", "one");
  REQUIRE(eventually([&] { return rig.holder->stats().failing_since.has_value(); }, 10s));
  REQUIRE(rig.holder->replace(parts_of(well, {"a"}), 5s, {}));
  REQUIRE(rig.drains());
  CHECK(eventually([&] { return !rig.holder->stats().failing_since; }, 10s));
  // What the last error was stays true.
  CHECK(rig.holder->stats().last_error);
}

TEST_CASE("relay: a delivery that hangs is interrupted by a replacement, and sent again",
          "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a"}));
  world.server.stall_next();
  rig.append("a", "one");
  REQUIRE(eventually([&] { return world.server.stalled(); }, 10s));
  REQUIRE(rig.holder->replace(parts_of(world, {"a"}), 50ms, {}));
  CHECK(rig.drains());
  CHECK(world.server.rows().size() == 1);
  CHECK(world.most == 1);
}

TEST_CASE("relay: where nothing ends a delivery the old relay goes on, and never do two deliver",
          "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a"}));
  world.stuck = true;
  rig.append("a", "one");
  REQUIRE(eventually([&] { return world.hanging == 1; }, 10s));
  CHECK_FALSE(rig.holder->replace(parts_of(world, {"a"}), 10ms, {}));
  CHECK(world.hanging == 1);
  SECTION("it comes back and delivers") {
    world.stuck = false;
    rig.append("a", "two");
    CHECK(rig.drains());
  }
  SECTION("a later replacement is taken") {
    world.stuck = false;
    REQUIRE(rig.holder->replace(parts_of(world, {"a"}), 5s, {}));
    rig.append("a", "two");
    CHECK(rig.drains());
  }
  CHECK(world.server.rows().size() == 2);
  CHECK(world.most == 1);
  CHECK(rig.holder->stats().delivered_by_source.at("a") == 2);
}

TEST_CASE("relay: a replacement is given up at once when it is asked to", "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a"}));
  world.stuck = true;
  rig.append("a", "one");
  REQUIRE(eventually([&] { return world.hanging == 1; }, 10s));
  std::stop_source give_up;
  std::jthread asks([&] { give_up.request_stop(); });
  CHECK_FALSE(rig.holder->replace(parts_of(world, {"a"}), 10min, give_up.get_token()));
  world.stuck = false;
  CHECK(rig.drains());
}

TEST_CASE("relay: what an operator paused stays paused over a replacement", "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a", "b"}));
  CHECK(rig.holder->pause("a").value());
  REQUIRE(rig.holder->replace(parts_of(world, {"a", "b"}, 0), 5s, {}));
  REQUIRE(rig.holder->replace(parts_of(world, {"a", "b"}), 5s, {}));
  CHECK_FALSE(rig.holder->pause("a").value());
  rig.append("a", "held");
  rig.append("b", "goes");
  REQUIRE(eventually([&] { return rig.pending() == 1; }, 10s));
  CHECK(rig.holder->pause().value());
  REQUIRE(rig.holder->replace(parts_of(world, {"a", "b"}), 5s, {}));
  CHECK(rig.holder->stats().pause_reason == "operator");
  CHECK(rig.holder->resume().value());
  CHECK(support::stays([&] { return rig.pending() == 1; }, 200ms));
  CHECK(rig.holder->resume("a").value());
  REQUIRE(rig.holder->replace(parts_of(world, {"a", "b"}), 5s, {}));
  CHECK(rig.drains());
  CHECK(rig.holder->stats().paused_sources.empty());
}

TEST_CASE("relay: an entry that an operator holds back is not sent by the next relay either",
          "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a"}));
  REQUIRE(rig.holder->pause().value());
  rig.append("a", "one");
  auto held = rig.holder->hold_back(rig.seq_of_first(), 1s);
  REQUIRE(held.has_value());
  REQUIRE(rig.holder->replace(parts_of(world, {"a"}), 5s, {}));
  REQUIRE(rig.holder->resume().value());
  CHECK(support::stays([&] { return world.server.rows().empty(); }, 300ms));
  held.reset();
  CHECK(rig.drains());
}

TEST_CASE(
    "relay: a commit in doubt stays so until another relay has told, whatever its connections",
    "[relay][holder]") {
  World world;
  auto parts = parts_of(world, {"a"}, 3);
  parts.options.destination.backoff_initial = parts.options.destination.backoff_max = 10min;
  world.server.commit_in_doubt_next();
  Rig rig(std::move(parts));
  rig.append("a", "one");
  REQUIRE(eventually([&] { return world.server.rows().size() == 1; }, 10s));
  const auto may_change = [&] {
    return rig.holder->hold_back(rig.seq_of_first(), 50ms).has_value();
  };
  CHECK_FALSE(may_change());
  REQUIRE(rig.holder->replace(parts_of(world, {"b"}), 5s, {}));
  CHECK_FALSE(may_change());
  REQUIRE(rig.holder->replace(parts_of(world, {"a"}), 5s, {}));
  REQUIRE(rig.drains());
  CHECK(world.server.rows().size() == 1);
  CHECK(eventually(may_change, 5s));
}

TEST_CASE(
    "relay: two hundred replacements under load deliver everything once, and no counter goes "
    "down",
    "[relay][holder]") {
  World world;
  Rig rig(parts_of(world, {"a", "b"}));
  std::atomic<int> sent = 0;
  std::atomic<bool> done = false;
  std::atomic<bool> went_down = false;
  {
    std::jthread sender([&] {
      while (!done) rig.append(sent % 2 == 0 ? "a" : "b", std::to_string(sent++));
    });
    std::jthread reader([&] {
      std::uint64_t last = 0;
      while (!done) {
        const auto stats = rig.holder->stats();
        const auto now = observed(stats.end_to_end_seconds);
        if (now < last) went_down = true;
        last = now;
      }
    });
    for (int i = 0; i < 200; ++i)
      if (!rig.holder->replace(parts_of(world, {"a", "b"}), 5s, {})) FAIL("not replaced");
    done = true;
  }
  REQUIRE(rig.drains());
  CHECK_FALSE(went_down);
  CHECK(world.most == 1);
  CHECK(world.server.rows().size() == static_cast<std::size_t>(sent));
  CHECK(observed(rig.holder->stats().end_to_end_seconds) == static_cast<std::uint64_t>(sent));
}
