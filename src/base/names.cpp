#include <arpa/inet.h>

#include "holdfast/config.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/health.hpp"

/// The words of the public enums, in one place: they are part of the contract with JSON and
/// metrics.
namespace holdfast {

std::string_view to_string(EntryState state) {
  switch (state) {
    case EntryState::pending: return "pending";
    case EntryState::delivered: return "delivered";
    case EntryState::dead: return "dead";
    case EntryState::discarded: return "discarded";
  }
  return "unknown";
}

std::optional<EntryState> parse_entry_state(std::string_view text) {
  for (const auto state : all_entry_states)
    if (text == to_string(state)) return state;
  return std::nullopt;
}

std::string_view to_string(DestinationState state) {
  switch (state) {
    case DestinationState::connected: return "connected";
    case DestinationState::idle: return "idle";
    case DestinationState::backing_off: return "backing_off";
    case DestinationState::paused: return "paused";
    case DestinationState::unconfigured: return "unconfigured";
  }
  return "unknown";
}

std::string_view to_string(HealthStatus status) {
  switch (status) {
    case HealthStatus::ok: return "ok";
    case HealthStatus::degraded: return "degraded";
    case HealthStatus::failing: return "failing";
  }
  return "unknown";
}

std::string_view to_string(DeliveryClass delivery_class) {
  switch (delivery_class) {
    case DeliveryClass::connection: return "connection";
    case DeliveryClass::server: return "server";
    case DeliveryClass::contention: return "contention";
    case DeliveryClass::timeout: return "timeout";
    case DeliveryClass::data: return "data";
    case DeliveryClass::foreign_key: return "foreign_key";
    case DeliveryClass::config: return "config";
    case DeliveryClass::quota: return "quota";
    case DeliveryClass::defect: return "defect";
  }
  return "unknown";
}

std::string ListenAddress::to_string() const {
  const bool ipv6 = host.contains(':');
  return (ipv6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

bool ListenAddress::is_loopback() const {
  in_addr v4{};
  // Not by the first characters: "127.example.com" is a name, and resolves to anything.
  const bool is_v4 = inet_pton(AF_INET, host.c_str(), &v4) == 1;
  return host == "localhost" || host == "::1" || (is_v4 && (ntohl(v4.s_addr) >> 24U) == 127);
}

HealthStatus HealthSnapshot::status() const {
  if (!outbox.can_store || shutting_down) return HealthStatus::failing;
  const bool degraded =
      relay.state == DestinationState::backing_off || relay.state == DestinationState::paused ||
      relay.state == DestinationState::unconfigured || !relay.paused_sources.empty();
  return degraded ? HealthStatus::degraded : HealthStatus::ok;
}

}  // namespace holdfast
