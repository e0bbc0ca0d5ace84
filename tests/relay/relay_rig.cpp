#include "relay_rig.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "support/wait.hpp"

namespace holdfast::support {

using namespace std::chrono_literals;

RelayRig::RelayRig(Options options) : options_(std::move(options)) {
  OutboxConfig config;
  config.path = folder.file("holdfast.db");
  config.disk_reserve_bytes = 0;
  auto opened = Outbox::open(config, {.clock = clock,
                                      .log = [](const LogEvent&) {},
                                      .on_broken = [](const Failure&) {},
                                      .vfs = "",
                                      .checkpoint_on_open = true});
  REQUIRE(opened);
  outbox = std::move(*opened);
  for (std::size_t i = 1; i < options_.connections; ++i)
    other_sessions.push_back(destination.another_session());
  restart_relay();
  start_writer();
}

RelayRig::~RelayRig() = default;

void RelayRig::restart_relay() {
  relay.reset();
  Relay::Options options;
  options.destination = options_.destination;
  options.sources = options_.sources;
  options.jitter_seed = options_.seed;
  const auto keep = [this](const LogEvent& event) {
    Logged logged{event.level, std::string(event.name), event.message, {}};
    for (const auto& [name, value] : event.fields) logged.fields.emplace(name, value);
    log_.with([&](auto& log) { log.push_back(std::move(logged)); });
  };
  std::vector<Destination*> targets;
  if (options_.configured) {
    targets.push_back(&destination);
    for (const auto& session : other_sessions) targets.push_back(session.get());
  }
  relay = std::make_unique<Relay>(std::move(options),
                                  Relay::Dependencies{*outbox, std::move(targets), clock, keep});
}

Uuid RelayRig::append(const std::string& source, const std::string& body,
                      std::optional<std::string> key) {
  return append_all({{source, body, std::move(key)}}).front();
}

std::vector<Uuid> RelayRig::append_all(const std::vector<Write>& writes) {
  std::vector<AppendTicket> tickets;
  for (const Write& write : writes) {
    NewEntry entry;
    entry.source = write.source;
    entry.body = write.body;
    entry.dedupe_key = write.key;
    entry.order_key = write.order;
    entry.received_at = clock.wall_now();
    entry.method = "POST";
    entry.target = "/ingest/" + write.source;
    tickets.push_back(outbox->submit(std::move(entry)));
  }
  std::vector<Uuid> ids;
  for (AppendTicket& ticket : tickets) {
    const auto appended = ticket.wait(30s);
    REQUIRE(appended);
    ids.push_back(appended->id);
    if (!appended->duplicate) accepted_.push_back(appended->id);
  }
  return ids;
}

void RelayRig::append_many(const std::string& source, int count) {
  std::vector<Write> writes;
  for (int i = 0; i < count; ++i) writes.push_back({source, source + "-" + std::to_string(i), {}});
  append_all(writes);
}

void RelayRig::start_writer() {
  writer_ = std::jthread([this](const std::stop_token& stop) { outbox->run_writer(stop); });
  // Until the thread has come so far the outbox refuses; settling an entry that is not there shows
  // it.
  Settlement nothing;
  nothing.state = EntryState::discarded;
  REQUIRE(eventually([&] { return outbox->settle({nothing}).has_value(); }, 30s));
}

void RelayRig::stop_writer() {
  writer_.request_stop();
  writer_.join();
}

RelayStep RelayRig::settle_down() {
  for (int i = 0; i < 100'000; ++i) {
    const RelayStep step = relay->run_once();
    if (!step.next || *step.next > clock.steady_now()) return step;
  }
  FAIL("the relay never rests");
  return {};
}

void RelayRig::pass_time(std::chrono::milliseconds time) {
  const SteadyTime end = clock.steady_now() + time;
  while (true) {
    const RelayStep step = settle_down();
    if (!step.next || *step.next > end) break;
    clock.advance_to(*step.next);
  }
  clock.advance_to(end);
}

void RelayRig::drain() {
  for (int i = 0; i < 10'000; ++i) {
    const RelayStep step = settle_down();
    if (count(EntryState::pending) == 0) return;
    if (step.next) clock.advance_to(*step.next);
  }
}

Entry RelayRig::find(const Uuid& id) {
  auto found = outbox->find(id);
  REQUIRE(found);
  REQUIRE(*found);
  return std::move(**found);
}

std::uint64_t RelayRig::count(EntryState state) const {
  return outbox->stats().entries[static_cast<std::size_t>(state)];
}

std::vector<RelayRig::Logged> RelayRig::events(const std::string& name) const {
  std::vector<Logged> found;
  log_.with([&](const auto& log) {
    std::ranges::copy_if(log, std::back_inserter(found),
                         [&](const Logged& logged) { return logged.name == name; });
  });
  return found;
}

std::vector<std::size_t> RelayRig::batch_sizes() const {
  std::vector<std::size_t> sizes;
  for (const auto& call : destination.calls()) sizes.push_back(call.seqs.size());
  return sizes;
}

std::vector<std::string> RelayRig::bodies_of(const std::string& source) const {
  std::vector<std::string> bodies;
  for (const auto& row : destination.rows())
    if (row.source == source) bodies.push_back(row.body);
  return bodies;
}

std::uint64_t RelayRig::connects() const {
  std::uint64_t sum = destination.connects();
  for (const auto& session : other_sessions) sum += session->connects();
  return sum;
}

void RelayRig::everything_arrives(const std::set<std::string>& dead) {
  destination.heal();
  drain();
  CHECK(count(EntryState::pending) == 0);
  std::map<Uuid, int> copies;
  std::map<OrderGroup, std::int64_t> last_seq;
  for (const auto& row : destination.rows()) {
    ++copies[row.id];
    auto& last = last_seq[{row.source, row.order_hash}];
    CHECK(row.seq > last);
    last = row.seq;
  }
  for (const Uuid& id : accepted_) check_entry(find(id), dead, copies);
}

void RelayRig::check_entry(const Entry& entry, const std::set<std::string>& dead,
                           const std::map<Uuid, int>& copies) {
  CAPTURE(entry.seq, entry.source, entry.body);
  const auto held = copies.find(entry.duplicate_of.value_or(entry.id));
  if (dead.contains(entry.body)) {
    CHECK(entry.state == EntryState::dead);
    CHECK(held == copies.end());
    return;
  }
  CHECK(entry.state == EntryState::delivered);
  REQUIRE(held != copies.end());
  CHECK(held->second == 1);
}

}  // namespace holdfast::support
