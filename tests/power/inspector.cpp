#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <functional>

#include "lab.hpp"

namespace holdfast::power {
namespace {

using namespace std::chrono_literals;
using Problems = std::vector<std::string>;

std::string integrity(const std::string& path) {
  sqlite3* database = nullptr;
  std::string found;
  if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
    const auto keep = [](void* text, int, char** values, char**) {
      *static_cast<std::string*>(text) += values[0];
      return 0;
    };
    sqlite3_exec(database, "PRAGMA integrity_check", keep, &found, nullptr);
  }
  sqlite3_close(database);
  return found;
}

/// What may be found of an entry.
struct Expected {
  EntryState told = EntryState::pending;  ///< The state that somebody was told last.
  std::optional<EntryState> asked = {};   ///< And that somebody has asked for since.
  [[nodiscard]] bool allows(EntryState found) const {
    // A pending one may be settled at any time, whoever is told so later.
    return told == EntryState::pending || found == told || found == asked;
  }
};

std::map<Uuid, Expected> expected_at(const Lab& lab, std::uint64_t position) {
  std::map<Uuid, Expected> all;
  for (const auto& fact : lab.facts)
    if (fact.position <= position) all[fact.id] = {fact.state};
  for (const auto& fact : lab.asked) {
    const auto entry = all.find(fact.id);
    if (fact.position <= position && entry != all.end()) entry->second.asked = fact.state;
  }
  return all;
}

bool is_as_sent(const Entry& entry, const Lab& lab) {
  const auto write = lab.submitted.find(entry.body);
  return write != lab.submitted.end() && write->second.source == entry.source &&
         write->second.key == entry.dedupe_key;
}

/// All that was told is there, and nothing that nobody sent.
void look_at_entries(const std::map<Uuid, Entry>& held, const Lab& lab, std::uint64_t position,
                     Problems& problems) {
  for (const auto& [id, expected] : expected_at(lab, position)) {
    const auto found = held.find(id);
    if (found == held.end())
      problems.push_back("lost: " + id.to_string());
    else if (!expected.allows(found->second.state))
      problems.push_back(
          std::format("taken back: {} is {}", id.to_string(), to_string(found->second.state)));
  }
  for (const auto& [id, entry] : held) {
    const bool receipt = !entry.payload_kept && entry.state == EntryState::delivered;
    if (!receipt && !is_as_sent(entry, lab))
      problems.push_back("nobody sent " + id.to_string() + " so");
  }
}

/// Every entry, as the list and the single look give it.
std::map<Uuid, Entry> read_all(Outbox& outbox, Problems& problems) {
  std::map<Uuid, Entry> held;
  ListRequest request;
  request.limit = list_limit_max;
  const auto list = outbox.list(request);
  if (!list) problems.push_back("it cannot be listed");
  std::array<std::uint64_t, 4> counted{};
  for (const auto& entry : list.value_or(std::vector<EntrySummary>())) {
    ++counted[static_cast<std::size_t>(entry.state)];
    auto found = outbox.find(entry.id);
    if (!found || !*found)
      problems.push_back("listed and not found: " + entry.id.to_string());
    else
      held.emplace(entry.id, std::move(**found));
  }
  if (counted != outbox.stats().entries) problems.push_back("the counters are wrong");
  return held;
}

/// It can be used: ids go on, and a repeat is known.
void use(Outbox& outbox, const Uuid& highest, Problems& problems) {
  NewEntry entry;
  entry.source = "orders";
  entry.body = "afterwards";
  entry.dedupe_key = "afterwards";
  const auto first = outbox.append(entry, 0ms);
  const auto second = outbox.append(entry, 0ms);
  if (!first || first->id <= highest) problems.push_back("it takes no more, or ids do not grow");
  if (first && (!second || second->id != first->id || !second->duplicate))
    problems.push_back("a duplicate is not known");
}

}  // namespace

std::vector<std::string> Inspector::look(const Lab& lab, std::uint64_t position,
                                         std::uint64_t seed) {
  ++images_;
  const auto image = lab.disk.image(position, seed);
  const auto facts = static_cast<std::size_t>(std::ranges::count_if(
      lab.facts, [&](const Fact& fact) { return fact.position <= position; }));
  std::size_t hash = 0;
  for (const auto& [name, bytes] : image)
    hash = hash * 31 + std::hash<std::string>()(name) * 7 + std::hash<std::string>()(bytes);
  const auto [known, added] = seen_.try_emplace(hash, facts);
  // The same bytes a second time have to hold what was told since, no less.
  if (!added && known->second >= facts) return {};
  known->second = facts;
  ++distinct_;

  const std::string path = folder_.file("holdfast.db");
  for (const auto& old : std::filesystem::directory_iterator(folder_.path()))
    std::filesystem::remove(old.path());
  for (const auto& [name, bytes] : image) support::write_file(folder_.file(name), bytes);
  support::write_file(path + ".state", "");  // As a crash leaves it: the outbox was open.

  Problems problems;
  support::FakeClock clock;
  OutboxConfig config;
  config.path = path;
  config.disk_reserve_bytes = 0;
  config.allow_unsafe_filesystem = true;
  Outbox::Dependencies dependencies{
      .clock = clock,
      .log =
          [&](const LogEvent& event) {
            if (event.name == "outbox_salvaged" && salvages_ == Salvages::never)
              problems.push_back("a power cut is taken for damage");
          },
      .on_broken = {},
      .vfs = {},
      .checkpoint_on_open = true,
      .commit_in_caller = true};
  auto opened = Outbox::open(config, std::move(dependencies));
  if (!opened) return {"it does not start: " + opened.error().message};
  const auto held = read_all(**opened, problems);
  look_at_entries(held, lab, position, problems);
  use(**opened, held.empty() ? Uuid() : held.rbegin()->first, problems);
  opened->reset();
  if (const auto found = integrity(path); found != "ok") problems.push_back("integrity: " + found);
  return problems;
}

}  // namespace holdfast::power
