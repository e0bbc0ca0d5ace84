#include "lab.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <format>
#include <stdexcept>

#include "support/leaks_allowed.hpp"

namespace holdfast::power {

using namespace std::chrono_literals;

Lab::Lab(std::uint64_t seed, std::size_t body_bytes_max)
    : random(seed), body_bytes_max_(body_bytes_max) {}

Lab::~Lab() {
  kill();
}

bool Lab::start(bool checkpoint_on_open) {
  disk.start_process();
  OutboxConfig config;
  config.path = folder_.file("holdfast.db");
  config.disk_reserve_bytes = 0;
  config.keep_delivered = 1min;
  config.allow_unsafe_filesystem = true;
  auto opened = Outbox::open(config, {.clock = clock,
                                      .log = {},
                                      .on_broken = {},
                                      .vfs = disk.name(),
                                      .checkpoint_on_open = checkpoint_on_open,
                                      .commit_in_caller = true});
  if (!opened) return false;
  outbox = std::move(*opened);
  return true;
}

void Lab::stop() {
  outbox->close();
  outbox.reset();
}

void Lab::kill() {
  disk.kill_process();
  const support::LeaksAllowed allowed;
  outbox.reset();
}

NewEntry Lab::entry_of(const Submitted& write) const {
  NewEntry entry;
  entry.source = write.source;
  entry.method = "POST";
  entry.target = "/ingest/" + write.source;
  entry.body = write.body;
  entry.dedupe_key = write.key;
  entry.received_at = clock.wall_now();
  return entry;
}

void Lab::submit_all(const std::vector<Submitted>& writes) {
  std::vector<AppendTicket> tickets;
  for (const auto& write : writes) {
    submitted[write.body] = write;
    tickets.push_back(outbox->submit(entry_of(write)));
  }
  while (outbox->run_once()) {
  }
  for (auto& ticket : tickets)
    if (const auto appended = ticket.wait(0ms))
      facts.push_back({position(), appended->id, told(appended->id)});
}

void Lab::append(int count) {
  std::vector<Submitted> writes;
  for (int i = 0; i < count; ++i) {
    if (!order_.empty() && below(8) == 0) {
      writes.push_back(order_[random() % order_.size()]);
      continue;
    }
    ++number_;
    Submitted write{below(2) == 0 ? "orders" : "payments",
                    std::format("{}:", number_) + std::string(random() % body_bytes_max_, 'x'),
                    {}};
    if (below(2) == 0) write.key = std::format("key-{}", number_);
    order_.push_back(write);
    writes.push_back(std::move(write));
  }
  submit_all(writes);
}

void Lab::repeat_newest() {
  submit_all({order_.back()});
}

void Lab::settle_some() {
  const std::vector<std::string> sources{"orders", "payments"};
  const auto claimed = outbox->claim({.sources = sources, .entries_max = 8});
  if (!claimed) return;
  std::vector<Settlement> settlements;
  for (const auto& entry : *claimed) {
    Settlement settlement;
    settlement.seq = entry.seq;
    settlement.state = below(6) == 0 ? EntryState::dead : EntryState::delivered;
    settlements.push_back(settlement);
  }
  if (!outbox->settle(settlements)) return;
  for (std::size_t i = 0; i < claimed->size(); ++i)
    facts.push_back({position(), (*claimed)[i].id, settlements[i].state});
}

EntryState Lab::told(const Uuid& id) const {
  auto state = EntryState::pending;
  for (const auto& fact : facts)
    if (fact.id == id) state = fact.state;
  return state;
}

void Lab::operate() {
  std::vector<Uuid> open;
  for (const auto& fact : facts)
    if (told(fact.id) == EntryState::pending || told(fact.id) == EntryState::dead)
      open.push_back(fact.id);
  if (open.empty()) return;
  const auto id = open[random() % open.size()];
  const bool retries = told(id) == EntryState::dead && below(2) == 0;
  const auto wanted = retries ? EntryState::pending : EntryState::discarded;
  asked.push_back({position(), id, wanted});
  const auto done =
      retries ? outbox->change(EntryAction::retry, id) : outbox->change(EntryAction::discard, id);
  if (done && done->changed) facts.push_back({position(), id, wanted});
}

void Lab::become_version_1() {
  const auto path = folder_.file("holdfast.db");
  const auto old = path + ".old";
  std::filesystem::copy_file(path, old);
  sqlite3* database = nullptr;
  const int opened = sqlite3_open(old.c_str(), &database);
  // What migrations 0002 to 0005 did, the other way round.
  const int done = opened != SQLITE_OK
                       ? opened
                       : sqlite3_exec(database,
                                      "BEGIN; DROP TABLE key_run; DROP TABLE key_block; "
                                      "DROP TABLE key_progress; "
                                      "CREATE INDEX entry_key ON entry (key_hash) "
                                      "WHERE key_hash IS NOT NULL; "
                                      "DROP TABLE audit; DROP TABLE operator_pause; "
                                      "DROP INDEX entry_pending; "
                                      "ALTER TABLE entry DROP COLUMN order_hash; "
                                      "ALTER TABLE entry DROP COLUMN compare_sha256; "
                                      "CREATE INDEX entry_pending ON entry (source_id, seq) "
                                      "WHERE state = 0; "
                                      "ALTER TABLE meta DROP COLUMN pending_bytes; "
                                      "PRAGMA user_version = 1; COMMIT; "
                                      "PRAGMA wal_checkpoint(TRUNCATE)",
                                      nullptr, nullptr, nullptr);
  sqlite3_close(database);
  if (done != SQLITE_OK) throw std::runtime_error("making a file of version 1 failed");
  std::filesystem::rename(old, path);
}

void Lab::damage_header() {
  const auto path = folder_.file("holdfast.db");
  auto bytes = support::read_file(path);
  bytes[20] = '\x09';
  support::write_file(path + ".old", bytes);
  std::filesystem::rename(path + ".old", path);
}

void Lab::rest(std::chrono::milliseconds time) {
  clock.advance(time);
  for (int i = 0; i < 20 && outbox->run_once(); ++i) {
  }
}

void Lab::step() {
  switch (below(11)) {
    case 10: return operate();
    case 0:
    case 1:
    case 2:
    case 3: return append(1 + below(6));
    case 4:
    case 5: return settle_some();
    case 6: return rest(6s);   // The WAL is emptied when nothing was committed for a while.
    case 7: return rest(90s);  // Payloads of delivered entries go.
    case 8: stop(); break;
    default: kill();
  }
  if (!start()) throw std::runtime_error("the outbox starts again");
}

}  // namespace holdfast::power
