#include "holdfast/embedded_outbox.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <thread>

#include "base/guarded.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_destination.hpp"
#include "support/leaks_allowed.hpp"
#include "support/postgres_cluster.hpp"
#include "support/scratch_folder.hpp"
#include "support/wait.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using support::eventually;
using support::FakeDestination;
using support::PostgresCluster;
using support::ScratchFolder;

/// A folder for the file, and options that deliver soon.
struct Place {
  ScratchFolder folder;

  [[nodiscard]] EmbeddedOptions options(const std::string& url = "") const {
    EmbeddedOptions options;
    options.outbox.path = folder.file("outbox.db");
    options.destination.url = Secret(url);
    options.destination.backoff_initial = 10ms;
    options.destination.backoff_max = 50ms;
    options.sources = {{.name = "orders"}, {.name = "mails"}};
    return options;
  }
};

std::unique_ptr<EmbeddedOutbox> open_or_fail(EmbeddedOptions options,
                                             EmbeddedOutbox::Dependencies dependencies = {}) {
  auto opened = EmbeddedOutbox::open(std::move(options), std::move(dependencies));
  INFO((opened ? "" : opened.error().message));
  REQUIRE(opened);
  return std::move(*opened);
}

NewEntry order(std::string body, std::optional<std::string> key = std::nullopt) {
  NewEntry entry;
  entry.source = "orders";
  entry.dedupe_key = std::move(key);
  entry.content_type = "application/json";
  entry.body = std::move(body);
  return entry;
}

/// With a destination of the program's own, which stays in reach of the test.
struct WithFake {
  Place place;
  FakeDestination server;
  std::unique_ptr<EmbeddedOutbox> outbox;

  explicit WithFake(const Clock* clock = nullptr) {
    EmbeddedOutbox::Dependencies dependencies;
    dependencies.clock = clock;
    dependencies.destinations.push_back(server.another_session());
    outbox = open_or_fail(place.options(), std::move(dependencies));
  }
};

}  // namespace

TEST_CASE("embedded: what was appended reaches Postgres once, through an outage and a restart",
          "[embedded][postgres]") {
  const Place place;
  PostgresCluster cluster;
  cluster.stop();
  Uuid first;
  {
    const auto outbox = open_or_fail(place.options(cluster.url()));
    const auto stored = outbox->append(order(R"({"id":1})", "one"));
    REQUIRE(stored);
    first = stored->id;
    CHECK(outbox->append(order(R"({"id":1})", "one"))->duplicate);
    CHECK(eventually([&] { return outbox->relay_stats().consecutive_failures > 0; }, 30s));
    CHECK(outbox->stop());
  }
  cluster.start();
  const auto outbox = open_or_fail(place.options(cluster.url()));
  REQUIRE(outbox->append(order(R"({"id":2})", "two")));
  REQUIRE(outbox->await_drained(60s));
  const auto rows = cluster.query("SELECT id, dedupe_key FROM holdfast.inbox ORDER BY seq");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0][0] == first.to_string());
  CHECK(rows[1][1] == "two");
}

TEST_CASE("embedded: a source's own statement runs in the transaction of its entry",
          "[embedded][postgres]") {
  const Place place;
  const PostgresCluster cluster;
  cluster.query("CREATE TABLE orders (id int PRIMARY KEY)");
  auto options = place.options(cluster.url());
  options.sources[0].statements = {
      {.statement = "INSERT INTO orders VALUES ($1)", .parameters = {"/id"}}};
  const auto outbox = open_or_fail(std::move(options));
  REQUIRE(outbox->append(order(R"({"id":7})")));
  REQUIRE(outbox->append(order(R"({"id":7})")));
  REQUIRE(outbox->await_drained(60s));
  CHECK(cluster.query("SELECT id FROM orders") == std::vector<std::vector<std::string>>{{"7"}});
  // The other one breaks the key: it stands alone as a dead letter.
  CHECK(outbox->outbox_stats().entries[static_cast<std::size_t>(EntryState::dead)] == 1);
}

TEST_CASE("embedded: a program brings its own destination and its own wall clock", "[embedded]") {
  class Yesterday final : public Clock {
   public:
    [[nodiscard]] WallTime wall_now() const override { return real_.wall_now() - 24h; }
    [[nodiscard]] SteadyTime steady_now() const override { return real_.steady_now(); }

   private:
    SystemClock real_;
  };
  const Yesterday clock;
  const WithFake embedded(&clock);
  const auto stored = embedded.outbox->append(order("x"));
  REQUIRE(stored);
  REQUIRE(embedded.outbox->await_drained(30s));
  REQUIRE(embedded.server.rows().size() == 1);
  CHECK(embedded.server.rows()[0].id == stored->id);
  const auto entry = embedded.outbox->find(stored->id);
  REQUIRE(entry);
  CHECK((*entry)->received_at < SystemClock().wall_now() - 23h);
}

TEST_CASE("embedded: 16 threads append at once and each entry arrives once", "[embedded]") {
  const WithFake embedded;
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 16; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i)
          if (!embedded.outbox->append(order(std::to_string(t) + "-" + std::to_string(i))))
            ++refused;
      });
  }
  CHECK(refused == 0);
  REQUIRE(embedded.outbox->await_drained(60s));
  auto bodies = std::vector<std::string>();
  for (const auto& row : embedded.server.rows()) bodies.push_back(row.body);
  CHECK(bodies.size() == 800);
  std::ranges::sort(bodies);
  CHECK(std::ranges::adjacent_find(bodies) == bodies.end());
}

TEST_CASE("embedded: the file lets one in at a time, also within one process", "[embedded]") {
  const Place place;
  auto outbox = open_or_fail(place.options());
  auto second = EmbeddedOutbox::open(place.options());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == FailureKind::refused);
  CHECK_THAT(second.error().message, ContainsSubstring("has this outbox open"));
  outbox.reset();
  CHECK(EmbeddedOutbox::open(place.options()));
}

TEST_CASE("embedded: without a destination entries wait, and another run delivers them",
          "[embedded]") {
  const Place place;
  {
    const auto outbox = open_or_fail(place.options());
    REQUIRE(outbox->append(order("kept")));
    CHECK_FALSE(outbox->await_drained(0ms));
    CHECK(outbox->relay_stats().state == DestinationState::unconfigured);
  }
  FakeDestination server;
  EmbeddedOutbox::Dependencies dependencies;
  dependencies.destinations.push_back(server.another_session());
  const auto outbox = open_or_fail(place.options(), std::move(dependencies));
  REQUIRE(outbox->await_drained(30s));
  CHECK(server.rows()[0].body == "kept");
}

TEST_CASE("embedded: a paused source waits, and a discard never crosses a delivery", "[embedded]") {
  const WithFake embedded;
  auto& outbox = *embedded.outbox;
  CHECK(outbox.pause("orders") == true);
  CHECK(outbox.pause("orders") == false);
  CHECK(outbox.pause("nobody").error().kind == FailureKind::invalid);
  const auto one = outbox.append(order("one"));
  const auto two = outbox.append(order("two"));
  REQUIRE((one && two));
  CHECK(outbox.change(EntryAction::discard, one->id)->changed);
  CHECK(outbox.change(EntryAction::discard, Uuid{})->found == std::nullopt);
  CHECK(outbox.resume("orders") == true);
  REQUIRE(outbox.await_drained(30s));
  REQUIRE(embedded.server.rows().size() == 1);
  CHECK(embedded.server.rows()[0].body == "two");
}

TEST_CASE("embedded: a stop interrupts a destination that hangs, and keeps its entries",
          "[embedded]") {
  WithFake embedded;
  embedded.server.stall_next();
  REQUIRE(embedded.outbox->append(order("one")));
  REQUIRE(eventually([&] { return embedded.server.stalled(); }, 30s));
  const auto id = embedded.outbox->submit(order("two"));
  embedded.outbox.reset();
  EmbeddedOutbox::Dependencies dependencies;
  dependencies.destinations.push_back(embedded.server.another_session());
  const auto again = open_or_fail(embedded.place.options(), std::move(dependencies));
  REQUIRE(again->await_drained(30s));
  CHECK(embedded.server.rows().size() == 2);
}

TEST_CASE("embedded: what comes after the stop is refused", "[embedded]") {
  const WithFake embedded;
  CHECK(embedded.outbox->stop());
  CHECK(embedded.outbox->stop());
  const auto refused = embedded.outbox->append(order("late"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == FailureKind::unavailable);
}

TEST_CASE("embedded: events go to the callback", "[embedded]") {
  const Place place;
  base::Guarded<std::vector<std::string>> names;
  EmbeddedOutbox::Dependencies dependencies;
  dependencies.log = [&](const LogEvent& event) {
    names.with([&](auto& all) { all.emplace_back(event.name); });
  };
  auto server = std::make_unique<FakeDestination>();
  server->fail_next(support::failure_of(DeliveryClass::connection));
  dependencies.destinations.push_back(std::move(server));
  const auto outbox = open_or_fail(place.options(), std::move(dependencies));
  REQUIRE(outbox->append(order("one")));
  REQUIRE(outbox->await_drained(30s));
  CHECK(std::ranges::contains(names.copy(), "delivery_retry"));
}

namespace {

/// A destination that throws before it works.
class Thrower final : public Destination {
 public:
  explicit Thrower(FakeDestination& server) : inner_(server.another_session()) {}
  std::expected<std::vector<Delivered>, DeliveryFailure> deliver(
      std::span<const Entry> batch) override {
    const int call = calls_++;
    if (call == 0) throw std::runtime_error("thrown by the program");
    if (call == 1) throw 7;
    return inner_->deliver(batch);
  }
  std::expected<void, DeliveryFailure> probe() override { return inner_->probe(); }
  bool connected() const override { return inner_->connected(); }
  void close() override {
    inner_->close();
    throw std::runtime_error("thrown at the end");
  }
  void interrupt() override { inner_->interrupt(); }
  std::uint64_t connects() const override { return inner_->connects(); }

 private:
  std::unique_ptr<FakeDestination> inner_;
  std::atomic<int> calls_{0};
};

}  // namespace

TEST_CASE("embedded: what a destination throws is logged, and its batch is sent again",
          "[embedded]") {
  const Place place;
  FakeDestination server;
  std::atomic<int> told{0};
  EmbeddedOutbox::Dependencies dependencies;
  dependencies.log = [&](const LogEvent& event) { told += event.name == "relay_failed"; };
  dependencies.destinations.push_back(std::make_unique<Thrower>(server));
  const auto outbox = open_or_fail(place.options(), std::move(dependencies));
  REQUIRE(outbox->append(order("one")));
  REQUIRE(outbox->await_drained(60s));
  CHECK(told == 2);
  CHECK(server.rows().size() == 1);
  CHECK(outbox->stop());
  CHECK(told == 3);
}

TEST_CASE("embedded: an entry whose delivery threw is in doubt, and is not discarded meanwhile",
          "[embedded]") {
  class AlwaysThrows final : public Destination {
   public:
    std::expected<std::vector<Delivered>, DeliveryFailure> deliver(
        std::span<const Entry> /*batch*/) override {
      called = true;
      throw std::bad_alloc();
    }
    std::expected<void, DeliveryFailure> probe() override { return {}; }
    bool connected() const override { return true; }
    void close() override {}
    void interrupt() override {}
    std::uint64_t connects() const override { return 1; }
    std::atomic<bool> called{false};
  };
  const Place place;
  EmbeddedOutbox::Dependencies dependencies;
  dependencies.destinations.push_back(std::make_unique<AlwaysThrows>());
  auto& destination = static_cast<AlwaysThrows&>(*dependencies.destinations[0]);
  const auto outbox = open_or_fail(place.options(), std::move(dependencies));
  const auto stored = outbox->append(order("one"));
  REQUIRE(stored);
  REQUIRE(eventually([&] { return destination.called.load(); }, 30s));
  const auto change = outbox->change(EntryAction::discard, stored->id, 0ms);
  REQUIRE_FALSE(change);
  CHECK(change.error().kind == FailureKind::unavailable);
}

TEST_CASE("embedded: a broken outbox says so once, refuses, and is not opened again here",
          "[embedded]") {
  const Place place;
  std::atomic<int> broken{0};
  EmbeddedOutbox::Dependencies dependencies;
  dependencies.on_broken = [&](const Failure&) { ++broken; };
  // Given up on purpose: only a new process can tell what the disk holds.
  const support::LeaksAllowed leaks;
  auto outbox = open_or_fail(place.options(), std::move(dependencies));
  REQUIRE(outbox->append(order("one")));
  std::filesystem::remove(place.options().outbox.path);
  const auto refused = outbox->append(order("two"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == FailureKind::broken);
  CHECK(outbox->append(order("three")).error().kind == FailureKind::broken);
  CHECK_FALSE(outbox->await_drained(std::chrono::milliseconds::max()));
  outbox.reset();
  CHECK(broken == 1);
  const auto again = EmbeddedOutbox::open(place.options());
  REQUIRE_FALSE(again);
  CHECK(again.error().kind == FailureKind::refused);
}

TEST_CASE("embedded: a stop ends the wait of somebody else for the drain", "[embedded]") {
  const Place place;
  auto outbox = open_or_fail(place.options());
  REQUIRE(outbox->append(order("waits")));
  std::optional<bool> drained;
  {
    std::jthread waiting(
        [&] { drained = outbox->await_drained(std::chrono::milliseconds::max()); });
    CHECK(outbox->stop());
  }
  CHECK(drained == false);
}

TEST_CASE("embedded: two outboxes in one process know nothing of each other", "[embedded]") {
  const WithFake one;
  const WithFake two;
  REQUIRE(one.outbox->append(order("a", "key")));
  REQUIRE(two.outbox->append(order("b", "key")));
  REQUIRE((one.outbox->await_drained(30s) && two.outbox->await_drained(30s)));
  CHECK(one.server.rows()[0].body == "a");
  CHECK(two.server.rows()[0].body == "b");
}

TEST_CASE("embedded: a pause of everything holds all, and outlives the process", "[embedded]") {
  WithFake embedded;
  CHECK(embedded.outbox->pause() == true);
  embedded.outbox.reset();
  EmbeddedOutbox::Dependencies dependencies;
  dependencies.destinations.push_back(embedded.server.another_session());
  const auto outbox = open_or_fail(embedded.place.options(), std::move(dependencies));
  REQUIRE(outbox->append(order("held")));
  CHECK(outbox->relay_stats().paused);
  CHECK(embedded.server.rows().empty());
  CHECK(outbox->resume() == true);
  CHECK(outbox->await_drained(30s));
}

}  // namespace holdfast
