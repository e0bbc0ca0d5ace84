#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "holdfast/destination.hpp"
#include "holdfast/log.hpp"
#include "relay/breaker.hpp"
#include "relay/holds.hpp"

/// The relay's log events. Their names and fields are stable.
namespace holdfast::relay {

/// True for answers about the content of an entry. Postgres likes to quote the value in them
/// (`invalid input syntax for type integer: "…"`), so their message goes to the outbox alone.
[[nodiscard]] bool is_about_content(DeliveryClass delivery_class);
/// SQLSTATE and message; for an answer about content SQLSTATE and constraint.
[[nodiscard]] std::string describe(const DeliveryFailure& failure);

[[nodiscard]] LogEvent retry_event(const DeliveryFailure& failure, const Retry& retry,
                                   std::size_t entries);
/// A refused batch of several is looked into: normal work, shown at level debug.
[[nodiscard]] LogEvent split_event(const DeliveryFailure& failure, std::size_t entries);
[[nodiscard]] LogEvent destination_paused_event(const DeliveryFailure& failure,
                                                std::string_view reason);
[[nodiscard]] LogEvent destination_resumed_event();
[[nodiscard]] LogEvent destination_recovered_event(std::uint32_t failures);
[[nodiscard]] LogEvent source_paused_event(const Hold& hold);
[[nodiscard]] LogEvent source_resumed_event(const Hold& hold);
[[nodiscard]] LogEvent entry_dead_event(const Entry& entry, const DeliveryFailure& failure);

}  // namespace holdfast::relay
