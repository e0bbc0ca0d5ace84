#include "relay/shared.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::relay {

bool DestinationPauses::paused(std::uint32_t machine, std::string_view reason) {
  return reasons_.with([&](auto& reasons) {
    const bool known =
        std::ranges::any_of(reasons, [&](const auto& other) { return other.second == reason; });
    reasons[machine] = reason;
    return !known;
  });
}

bool DestinationPauses::resumed(std::uint32_t machine) {
  return reasons_.with([&](auto& reasons) {
    reasons.erase(machine);
    return reasons.empty();
  });
}

Shared::Shared(const DestinationConfig& config, std::uint32_t count,
               std::shared_ptr<Flights> shared_flights)
    : machines(count),
      sources(wake),
      flights(shared_flights ? std::move(shared_flights) : std::make_shared<Flights>()) {
  if (config.drain == Drain::economy) economy.emplace(config.economy_window, count, wake);
}

}  // namespace holdfast::relay
