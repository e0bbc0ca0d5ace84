#include "world.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "support/leaks_allowed.hpp"
#include "trace.hpp"

namespace holdfast::simulation {
namespace {

using namespace std::chrono_literals;

constexpr WallTime begin_wall{std::chrono::milliseconds(1'763'938'162'123)};
constexpr SteadyTime begin_steady{std::chrono::hours(1)};
constexpr std::size_t sessions_max = 4;
/// So many steps without a moment in between mean that the relay never rests.
constexpr int steps_at_once_max = 3'000;

}  // namespace

World::World() : clock(begin_wall, begin_steady), path_(folder_.file("holdfast.db")) {
  while (other_sessions.size() + 1 < sessions_max)
    other_sessions.push_back(destination.another_session());
}

World::~World() {
  crash();
}

bool World::start(const Settings& settings) {
  settings_ = settings;
  settings_.outbox.path = path_;
  broken_ = false;
  disk.start_process();
  // A ledger that broke is given up and not closed.
  const support::LeaksAllowed allowed;
  auto opened =
      Outbox::open(settings_.outbox, {.clock = clock,
                                      .log = [](const LogEvent&) {},
                                      .on_broken = [this](const Failure&) { broken_ = true; },
                                      .vfs = disk.name(),
                                      .checkpoint_on_open = true,
                                      .commit_in_caller = true});
  if (!opened) {
    refusal_ = opened.error().message;
    return false;
  }
  outbox = std::move(*opened);
  std::vector<Destination*> targets{&destination};
  for (std::size_t i = 1; i < settings_.destination.connections; ++i)
    targets.push_back(other_sessions[i - 1].get());
  Relay::Options options{settings_.destination, names_of(settings_.sources), settings_.jitter_seed};
  try {
    relay = std::make_unique<Relay>(
        std::move(options),
        Relay::Dependencies{*outbox, std::move(targets), clock, [](const LogEvent&) {}});
  } catch (const Error& error) {
    refusal_ = error.failure().message;
    return false;
  }
  outbox->on_appended([this] { woke(); });
  woke();
  auto table = ingress::SourceTable::make({}, settings_.sources);
  demand(table.has_value(), "the sources are right");
  table_ = std::move(*table);
  intake_ = std::make_unique<ingress::Intake>(
      ingress::TrustedProxies(), ingress::Intake::Dependencies{clock, [](const LogEvent&) {}});
  return true;
}

void World::stop() {
  if (outbox) outbox->close();
  let_go();
}

void World::crash() {
  disk.kill_process();
  let_go();
}

void World::cut_power(std::uint64_t seed) {
  disk.cut_power(seed);
  let_go();
  clock.reboot();
}

void World::kill_within() {
  disk.kill_process();
  broken_ = true;
}

void World::let_go() {
  relay.reset();
  intake_.reset();
  table_.reset();
  outbox.reset();
  destination.close();
  for (const auto& session : other_sessions) session->close();
  relay_due_.reset();
}

Answer World::post(const Request& request) {
  const auto admitted = table_->admit(request.head);
  ingress::Reply reply;
  if (const auto* refused = std::get_if<ingress::Refused>(&admitted)) {
    reply = refused->reply;
  } else {
    const auto peer = ingress::IpAddress::parse("192.0.2.7");
    const auto& source = *std::get<ingress::Admitted>(admitted).source;
    auto entry = intake_->prepare(source, request.head, *peer, request.body);
    reply = entry ? intake_->answer(source, outbox->append(*std::move(entry), 5s))
                  : std::move(entry.error());
  }
  Answer answer{reply.status, std::nullopt, std::nullopt};
  for (const auto& [name, value] : reply.headers)
    if (name == "Holdfast-Id") answer.id = Uuid::parse(value);
  if (reply.status == 202) answer.duplicate = reply.body.contains(R"("duplicate":true)");
  return answer;
}

bool World::run_relay() {
  if (!alive() || !relay_due_ || *relay_due_ > clock.steady_now()) return false;
  // Whatever happens within the step may ask for another one.
  relay_due_.reset();
  const auto next = relay->run_once().next;
  if (next && (!relay_due_ || *next < *relay_due_)) relay_due_ = next;
  return alive();
}

void World::keep_house() {
  for (int i = 0; i < 100 && alive() && outbox->run_once(); ++i) {
  }
}

void World::pass_time(std::chrono::milliseconds time) {
  const SteadyTime end = clock.steady_now() + time;
  const auto stride = std::max<SteadyTime::duration>(1s, (end - clock.steady_now()) / 8);
  auto house_at = clock.steady_now() + stride;
  int at_once = 0;
  auto seen = clock.steady_now();
  // A delivery may take longer than what was to pass.
  while (alive() && clock.steady_now() <= end) {
    const bool moved = clock.steady_now() != seen;
    seen = clock.steady_now();
    at_once = moved ? 0 : at_once + 1;
    demand(at_once < steps_at_once_max, "the relay comes to rest");
    if (run_relay()) continue;
    if (!alive() || clock.steady_now() >= end) break;
    auto next = std::min(end, house_at);
    if (relay_due_) next = std::min(next, *relay_due_);
    clock.advance_to(next);
    if (clock.steady_now() < house_at) continue;
    keep_house();
    house_at = clock.steady_now() + stride;
  }
  if (alive()) keep_house();
}

bool World::connected() const {
  return destination.connected() ||
         std::ranges::any_of(other_sessions, [](const auto& each) { return each->connected(); });
}

}  // namespace holdfast::simulation
