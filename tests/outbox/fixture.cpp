#include "fixture.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <system_error>

namespace holdfast::outbox_tests {

Box::Box() {
  config.path = folder.file("holdfast.db");
  config.disk_reserve_bytes = 0;
}

Box::~Box() = default;

std::expected<void, Failure> Box::try_open() {
  outbox.reset();
  Outbox::Dependencies dependencies{clock, {}, {}, vfs, checkpoint_on_open};
  dependencies.log = [this](const LogEvent& event) {
    const std::scoped_lock lock(mutex_);
    events_.emplace_back(event.name);
  };
  dependencies.on_broken = [this](const Failure& failure) { broken.push_back(failure); };
  auto opened = Outbox::open(config, std::move(dependencies));
  if (!opened) return std::unexpected(opened.error());
  outbox = *std::move(opened);
  return {};
}

void Box::open() {
  const auto opened = try_open();
  INFO((opened ? "" : opened.error().message));
  REQUIRE(opened);
}

void Box::reopen() {
  outbox.reset();
  open();
}

std::expected<Appended, Failure> Box::append(NewEntry entry) {
  auto ticket = outbox->submit(std::move(entry));
  static_cast<void>(outbox->run_once());
  return ticket.wait(0ms);
}

Uuid Box::append_ok(NewEntry entry) {
  const auto appended = append(std::move(entry));
  INFO((appended ? "" : appended.error().message));
  REQUIRE(appended);
  return appended->id;
}

std::expected<void, Failure> Box::settle(std::vector<Settlement> settlements,
                                         std::vector<AttemptRecord> attempts) {
  std::expected<void, Failure> result;
  std::atomic<bool> done = false;
  const std::jthread settler([&] {
    result = outbox->settle(std::move(settlements), std::move(attempts));
    done = true;
  });
  while (!done) static_cast<void>(outbox->run_once());
  return result;
}

void Box::settle_all(EntryState state) {
  std::vector<Settlement> settlements;
  for (const auto& entry : claim()) settlements.push_back(settlement(entry.seq, state));
  REQUIRE(settle(std::move(settlements)));
}

void Box::run_until_idle() {
  while (outbox->run_once()) {
  }
}

std::vector<Entry> Box::claim(std::vector<std::string> sources) {
  auto claimed = outbox->claim({.sources = sources, .entries_max = 1'000'000, .bytes_max = gib});
  REQUIRE(claimed);
  return *std::move(claimed);
}

std::vector<EntrySummary> Box::list(const ListRequest& request) {
  auto page = outbox->list(request);
  INFO((page ? "" : page.error().message));
  REQUIRE(page);
  return *std::move(page);
}

Entry Box::find(const Uuid& id) {
  auto found = outbox->find(id);
  INFO((found ? "" : found.error().message));
  REQUIRE(found);
  REQUIRE(*found);
  return **std::move(found);
}

std::uint64_t Box::count(EntryState state) const {
  return outbox->stats().entries.at(static_cast<std::size_t>(state));
}

bool Box::logged(const std::string& event) const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::find(events_, event) != events_.end();
}

std::uint64_t Box::wal_bytes() const {
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(config.path + "-wal", missing);
  return missing ? 0 : bytes;
}

std::string Box::sql(const std::string& statement, bool writes) const {
  SQLite::Database database(config.path, writes ? SQLite::OPEN_READWRITE : SQLite::OPEN_READONLY,
                            1000);
  if (writes) {
    database.exec(statement);
    return {};
  }
  SQLite::Statement query(database, statement);
  std::string text;
  while (query.executeStep())
    text += query.getColumn(query.getColumnCount() - 1).getString() + "\n";
  return text;
}

NewEntry make_entry(std::string body, std::optional<std::string> key, std::string source) {
  NewEntry entry;
  entry.source = std::move(source);
  entry.dedupe_key = std::move(key);
  entry.received_at = SystemClock().wall_now();
  entry.method = "POST";
  entry.target = "/api/orders?x=1";
  entry.remote_address = "127.0.0.1";
  entry.content_type = "application/json";
  entry.headers = {{"Host", "localhost"}, {"Content-Type", "application/json"}};
  entry.body = std::move(body);
  return entry;
}

Settlement settlement(std::int64_t seq, EntryState state) {
  Settlement settled;
  settled.seq = seq;
  settled.state = state;
  return settled;
}

Settlement delivered(std::int64_t seq) {
  return settlement(seq, EntryState::delivered);
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return 0;
  return status.st_mode & 07777U;
}

std::string body_of(std::size_t bytes, int number) {
  std::string body = std::to_string(number) + ":";
  body.resize(std::max(bytes, body.size()), 'x');
  return body;
}

}  // namespace holdfast::outbox_tests
