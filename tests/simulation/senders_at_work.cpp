#include <algorithm>
#include <format>

#include "simulation.hpp"

/// What senders do, and what they must be answered.
namespace holdfast::simulation {
namespace {

bool is_accepted(int status) {
  return status == 200 || status == 202;
}

}  // namespace

Write Simulation::new_write() {
  static const std::vector<int> pads{0, 10, 300, 5'000, 60'000};
  Write write;
  write.number = ++number_;
  const auto& sources = world_.settings().sources;
  write.source =
      sources[static_cast<std::size_t>(dice_.below(static_cast<int>(sources.size())))].name;
  if (dice_.one_in(2)) write.source = sources.front().name;
  if (has_keys(write.source)) write.key = std::format("key-{}", write.number);
  // Of the ordered source some have neither key nor value.
  if (write.source == "activities") {
    if (dice_.one_in(3)) write.key.clear();
    if (!dice_.one_in(6)) write.order = std::format("user-{}", dice_.below(6));
  }
  write.pad_bytes = dice_.one_of(pads);
  if (dice_.one_in(30)) write.kind = Kind::poison;
  if (dice_.one_in(50)) write.kind = Kind::orphan;
  if (dice_.one_in(150)) write.kind = Kind::breaker;
  writes_.push_back(write);
  return write;
}

/// Those of them that the configuration takes now.
std::vector<Write> Simulation::known_writes() {
  std::vector<Write> known;
  for (const auto& write : writes_)
    if (std::ranges::contains(world_.settings().sources, write.source, &SourceConfig::name))
      known.push_back(write);
  return known;
}

void Simulation::post(const Write& write) {
  if (!world_.alive()) return;
  const bool could_store = world_.outbox->stats().can_store;
  auditor_.sent(write);
  const auto answer = world_.post(request_of(write, world_.clock.wall_now(), Forgery::none));
  doing_ += std::format(" {}:{}:{}", write.source, write.number, answer.status);
  if (!is_accepted(answer.status)) return check_refused(write, answer.status, could_store);
  ++totals_.accepted;
  demand(answer.id.has_value(), "every 2xx carries the id");
  auditor_.acknowledged(write, *answer.id, answer.duplicate);
  if (!world_.alive() || answer.duplicate.value_or(true)) return;
  const auto stats = world_.outbox->stats();
  demand(stats.bytes <= stats.bytes_max, "nothing is stored beyond max_size",
         std::format("{} of {} bytes", stats.bytes, stats.bytes_max));
}

void Simulation::check_refused(const Write& write, int status, bool could_store) {
  const auto name = std::format("write {} of {} got {}", write.number, write.source, status);
  demand(status == 503, "a right request is refused with 503 alone", name);
  ++totals_.refused;
  if (disk_bad_ || !world_.alive()) return;
  demand(!auditor_.first_copy(write) || write.variant != 0,
         "a duplicate is answered even when there is no room", name);
  const auto stats = world_.outbox->stats();
  demand(!could_store || stats.bytes > stats.bytes_max / 4,
         "what fits is stored while the disk is well", name);
}

void Simulation::send_new() {
  doing_ += "send";
  for (int i = 1 + dice_.below(6); i > 0; --i) post(new_write());
}

/// Several requests at once, in one group commit; some of them twice in it.
void Simulation::send_group() {
  doing_ += "group";
  std::vector<Write> group;
  for (int i = 2 + dice_.below(20); i > 0; --i) {
    auto write = new_write();
    if (may_bypass(write.source)) group.push_back(write);
    if (!group.empty() && dice_.one_in(6)) group.push_back(dice_.one_of(group));
  }
  std::vector<AppendTicket> tickets;
  for (const auto& write : group) {
    auditor_.sent(write);
    tickets.push_back(world_.outbox->submit(entry_of(write, world_.clock.wall_now())));
  }
  // The process may die while they wait: nobody of them was answered then.
  if (dice_.one_in(10)) return crash();
  while (world_.alive() && world_.outbox->run_once()) {
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto appended = tickets[i].wait(std::chrono::milliseconds(0));
    doing_ += std::format(" {}:{}", group[i].number, appended ? "stored" : "refused");
    if (!appended) {
      ++totals_.refused;
      continue;
    }
    ++totals_.accepted;
    auditor_.acknowledged(group[i], appended->id, appended->duplicate);
  }
}

/// A sender that lost its answer, or a network that doubles.
void Simulation::send_again() {
  doing_ += "again";
  const auto known = known_writes();
  for (int i = 1 + dice_.below(5); i > 0 && !known.empty(); --i) {
    const auto recent = std::max<int>(0, static_cast<int>(known.size()) - 20);
    auto write = dice_.one_in(2)
                     ? dice_.one_of(known)
                     : known[static_cast<std::size_t>(
                           recent + dice_.below(static_cast<int>(known.size()) - recent))];
    write.tries = 1 + dice_.below(5);
    post(write);
  }
}

void Simulation::send_conflict() {
  doing_ += "conflict";
  const auto known = known_writes();
  if (known.empty()) return;
  auto write = dice_.one_of(known);
  if (write.key.empty()) return;
  write.number = ++number_;
  write.variant = 1;
  writes_.push_back(write);
  post(write);
}

/// None of these leaves a trace: the auditor does not know their bodies.
void Simulation::send_forged() {
  doing_ += "forged";
  auto write = new_write();
  writes_.pop_back();
  auto forgery = Forgery::other_secret;
  const bool bearer = write.source == "activities" || write.source == "log";
  if (!bearer && dice_.one_in(2)) forgery = Forgery::changed_body;
  if (signs_time(write.source) && dice_.one_in(2)) forgery = Forgery::old_time;
  const auto answer = world_.post(request_of(write, world_.clock.wall_now(), forgery));
  doing_ += std::format(" {}:{}", write.source, answer.status);
  demand(answer.status == 401, "a request that is not the sender's gets 401", write.source);
}

}  // namespace holdfast::simulation
