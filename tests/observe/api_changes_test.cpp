#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/entry_json.hpp"
#include "holdfast/outbox.hpp"
#include "observe/admin_routes.hpp"
#include "sample.hpp"
#include "support/scratch_folder.hpp"

/// Changes of entries in a real outbox, asked for without a socket.
namespace {

using namespace holdfast;
using namespace std::chrono_literals;
using observe::AdminContext;
using observe::AdminRequest;

class Desk {
  const support::ScratchFolder folder_;
  SystemClock clock_;

 public:
  explicit Desk(std::uint64_t bytes_max = 64 * mib) {
    OutboxConfig config;
    config.path = folder_.file("outbox.db");
    config.allow_unsafe_filesystem = true;
    config.max_size_bytes = bytes_max;
    auto opened = Outbox::open(
        config, {.clock = clock_, .log = [](const LogEvent&) {}, .on_broken = {}, .vfs = {}});
    REQUIRE(opened);
    outbox = *std::move(opened);
    writer_ = std::jthread([this](const std::stop_token& stop) { outbox->run_writer(stop); });
    context.health = test::healthy;
    context.source_names = {"twilio"};
    context.log = [](const LogEvent&) {};
    context.operations.outbox = outbox.get();
    context.operations.hold_back = [this](std::int64_t seq, auto) {
      if (before_hold) before_hold();
      held.push_back(seq);
      return HeldBack([] {});
    };
  }
  Uuid append(std::string body) {
    NewEntry entry;
    entry.source = "twilio";
    entry.method = "POST";
    entry.target = "/twilio";
    entry.received_at = clock_.wall_now();
    entry.body = std::move(body);
    const auto appended = outbox->append(std::move(entry), 60s);
    REQUIRE(appended);
    return appended->id;
  }
  Uuid append_dead() {
    const auto id = append("{}");
    Settlement settlement;
    settlement.seq = outbox->find(id)->value().seq;
    settlement.state = EntryState::dead;
    settlement.sqlstate = "23514";
    REQUIRE(outbox->settle({settlement}));
    return id;
  }
  observe::AdminAnswer post(std::string path,
                            std::vector<std::pair<std::string, std::string>> query = {},
                            std::string body = {}) {
    AdminRequest request;
    request.method = "POST";
    request.path = std::move(path);
    request.hosts = {"localhost"};
    request.content_types = {"application/json"};
    request.query = std::move(query);
    request.body = std::move(body);
    return observe::answer(request, context);
  }

  std::unique_ptr<Outbox> outbox;
  AdminContext context;
  std::function<void()> before_hold;
  std::vector<std::int64_t> held;

 private:
  std::jthread writer_;
};

TEST_CASE("admin: a dead entry that is discarded is held back, for another may retry it meanwhile",
          "[observe][admin]") {
  Desk desk;
  const auto id = desk.append_dead();
  // Pending again, it would be on its way before the change is made, were it not held back.
  desk.before_hold = [&] { REQUIRE(desk.outbox->change(EntryAction::retry, id)); };
  SECTION("one") {
    const auto* const action = GENERATE("/discard", "/erase");
    CHECK(desk.post("/api/v1/entries/" + id.to_string() + action).body == R"({"changed":true})");
  }
  SECTION("many") {
    CHECK(desk.post("/api/v1/entries/discard", {{"state", "dead"}}).body ==
          R"({"changed":1,"matched":1})");
  }
  CHECK(desk.held == std::vector<std::int64_t>{1});
  CHECK(desk.outbox->find(id)->value().state == EntryState::discarded);
}

TEST_CASE("admin: a replay of many that breaks off says how many it has made", "[observe][admin]") {
  Desk desk(2 * mib);
  for (int i = 0; i < 4; ++i) desk.append(std::string(300 * kib, 'x'));
  const auto answer = desk.post("/api/v1/entries/replay", {{"source", "twilio"}});
  REQUIRE(answer.status == 503);
  const auto made = desk.outbox->stats().entries[0] - 4;
  REQUIRE(made > 0);
  const auto detail = nlohmann::json::parse(answer.body)["detail"].get<std::string>();
  CHECK(detail.contains("the replay of " + std::to_string(made) + " entries was made, and stays"));
}

TEST_CASE("admin: a cursor of another outbox is refused with its field", "[observe][admin]") {
  Desk here;
  Desk there;
  for (auto* desk : {&here, &there})
    for (int i = 0; i < 3; ++i) (void)desk->append("{}");
  const auto page = [](Desk& desk, const std::string& cursor) {
    AdminRequest request{.method = "GET",
                         .path = "/api/v1/entries",
                         .hosts = {"localhost"},
                         .query = {{"limit", "2"}}};
    if (!cursor.empty()) request.query.emplace_back("cursor", cursor);
    return observe::answer(request, desk.context);
  };
  const auto cursor = nlohmann::json::parse(page(there, "").body)["next_cursor"].get<std::string>();
  CHECK(page(there, cursor).status == 200);
  const auto refused = page(here, cursor);
  CHECK(refused.status == 400);
  CHECK(nlohmann::json::parse(refused.body)["field"] == "cursor");
}

TEST_CASE("admin: an export that comes back to its own outbox is all duplicates",
          "[observe][admin]") {
  Desk here;
  Desk there;
  const auto id = here.append("{}");
  const auto exported = [](Desk& desk, const Uuid& entry) {
    const auto found = desk.outbox->find(entry);
    REQUIRE((found && *found));
    return nlohmann::ordered_json{{"entries", {base::entry_json(**found, false)}}}.dump();
  };
  const auto import = [](Desk& desk, std::string body) {
    return desk.post("/api/v1/entries/import", {}, std::move(body)).body;
  };
  constexpr auto* none = R"({"duplicates":1,"imported":0})";
  const auto first = exported(here, id);
  CHECK(import(here, first) == none);
  CHECK(import(there, first) == R"({"duplicates":0,"imported":1})");
  const auto listed = there.outbox->list({});
  REQUIRE((listed && listed->size() == 1));
  CHECK(import(here, exported(there, listed->front().id)) == none);
  CHECK(here.outbox->stats().entries[0] == 1);
}

}  // namespace
