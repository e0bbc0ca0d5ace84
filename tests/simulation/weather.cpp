#include "weather.hpp"

#include <algorithm>
#include <format>
#include <vector>

namespace holdfast::simulation {
namespace {

using support::failure_of;

bool holds(std::span<const Entry> batch, const std::string& source) {
  return !source.empty() && std::ranges::contains(batch, source, &Entry::source);
}

DeliveryFailure of_source(DeliveryFailure failure, const std::string& source) {
  failure.source = source;
  return failure;
}

}  // namespace

Weather::Weather(Dice& dice, World& world, Auditor& auditor)
    : dice_(dice), world_(world), auditor_(auditor) {
  world_.destination.set_rule([this](std::span<const Entry> batch) { return judge(batch); });
}

Weather::~Weather() {
  world_.destination.set_rule(nullptr);
}

void Weather::change() {
  using enum DeliveryClass;
  clear();
  const auto names = names_of(all_sources());
  const auto some = [&] { return dice_.one_in(4) ? dice_.one_of(names) : std::string(); };
  static const std::vector<int> chances{0, 5, 30, 60, 95, 100};
  static const std::vector<DeliveryClass> classes{connection, server, contention, timeout,
                                                  config,     quota,  defect};
  static const std::vector<std::chrono::milliseconds> times{
      std::chrono::milliseconds(0), std::chrono::milliseconds(3), std::chrono::milliseconds(400),
      std::chrono::milliseconds(31'000)};
  chance_ = dice_.one_of(chances);
  if (dice_.one_in(3)) only_ = dice_.one_of(classes);
  misconfigured_ = some();
  locked_ = some();
  slow_ = some();
  if (dice_.one_in(4)) drifted_ = some();
  takes_ = dice_.one_of(times);
}

void Weather::clear() {
  chance_ = 0;
  only_.reset();
  misconfigured_.clear();
  locked_.clear();
  slow_.clear();
  drifted_.clear();
  takes_ = std::chrono::milliseconds(0);
  dies_ = false;
}

void Weather::mend() {
  clear();
  mended_ = server_mended_ = true;
}

std::string Weather::describe() const {
  return std::format(
      "chance {} class {} misconfigured [{}] locked [{}] slow [{}] drifted [{}] takes {}", chance_,
      only_ ? to_string(*only_) : "any", misconfigured_, locked_, slow_, drifted_, takes_.count());
}

bool Weather::is_bad(const Entry& entry) const {
  const Write* const write = auditor_.write_of(entry);
  return !mended_ && write != nullptr && write->kind == Kind::poison;
}

/// The parent of every other orphan comes two seconds after the entry.
bool Weather::parent_missing(const Entry& entry) const {
  const Write* const write = auditor_.write_of(entry);
  if (mended_ || write == nullptr || write->kind != Kind::orphan) return false;
  const auto age = world_.clock.wall_now() - entry.received_at;
  return write->number % 2 == 0 || (age >= age.zero() && age < std::chrono::seconds(2));
}

std::optional<DeliveryFailure> Weather::judge(std::span<const Entry> batch) {
  auditor_.on_batch(world_, batch);
  world_.clock.advance(takes_);
  auto refused = refusal(batch);
  if (dies_) {
    world_.kill_within();
    if (dice_.one_in(2)) return failure_of(DeliveryClass::connection);
    return refused;
  }
  if (auto failed = outage(refused.has_value())) refused = failed;
  if (!refused) auditor_.on_taken(world_, batch);
  if (refused && batch.size() == 1)
    auditor_.on_refused_alone(batch.front(), refused->delivery_class);
  return refused;
}

/// What Postgres refuses never gets as far as COMMIT, so it cannot be in doubt.
std::optional<DeliveryFailure> Weather::outage(bool refused) {
  using enum DeliveryClass;
  if (dice_.below(100) >= chance_) return std::nullopt;
  static const std::vector<DeliveryClass> classes{connection, connection, connection, server,
                                                  contention, config,     quota,      defect};
  const auto delivery_class = only_.value_or(dice_.one_of(classes));
  auto failure = failure_of(delivery_class);
  failure.in_doubt = delivery_class == connection && !refused && dice_.one_in(2);
  failure.slow_start = delivery_class == server && dice_.one_in(3);
  return failure;
}

std::optional<DeliveryFailure> Weather::refusal(std::span<const Entry> batch) {
  using enum DeliveryClass;
  const auto any = [&](auto&& is) { return std::ranges::any_of(batch, is); };
  if (!server_mended_ && any([&](const Entry& entry) {
        const Write* const write = auditor_.write_of(entry);
        return write != nullptr && write->kind == Kind::breaker;
      }))
    return failure_of(connection);
  if (auto failure = refusal_of_source(batch)) return failure;
  if (any([&](const Entry& entry) { return is_bad(entry) || entry.source == drifted_; }))
    return failure_of(data, "22P02", "bad value");
  if (any([&](const Entry& entry) { return parent_missing(entry); }))
    return failure_of(foreign_key, "23503", "no parent");
  return std::nullopt;
}

std::optional<DeliveryFailure> Weather::refusal_of_source(std::span<const Entry> batch) {
  using enum DeliveryClass;
  if (holds(batch, misconfigured_)) return of_source(failure_of(config, "42P01"), misconfigured_);
  if (holds(batch, locked_))
    return of_source(failure_of(contention, dice_.one_in(4) ? "40P01" : "55P03"), locked_);
  if (holds(batch, slow_)) return of_source(failure_of(timeout, "57014"), slow_);
  return std::nullopt;
}

}  // namespace holdfast::simulation
