#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "holdfast/destination.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "relay/breaker.hpp"

/// The relay's log events. Their names and fields are stable.
namespace holdfast::relay {

/// True for answers about the content of an entry. Postgres likes to quote the value in them
/// (`invalid input syntax for type integer: "…"`), so their message goes to the outbox alone.
[[nodiscard]] bool is_about_content(DeliveryClass delivery_class);
/// SQLSTATE and message; for an answer about content SQLSTATE and constraint.
[[nodiscard]] std::string describe(const DeliveryFailure& failure);

/// The command that shows an entry, to be put behind an error.
[[nodiscard]] std::string hint_at(const Entry& entry);
/// True if a person has to correct something.
[[nodiscard]] bool is_misconfiguration(DeliveryClass delivery_class);
/// True if a statement was kept waiting or had to give way: it may well work a moment later.
[[nodiscard]] bool is_blocked(DeliveryClass delivery_class);
/// How much of a source is paused.
enum class Extent { source, order_group };

[[nodiscard]] LogEvent retry_event(const DeliveryFailure& failure, const Retry& retry,
                                   std::size_t entries);
/// A refused batch of several is looked into: normal work, shown at level debug.
[[nodiscard]] LogEvent split_event(const DeliveryFailure& failure, std::size_t entries);
[[nodiscard]] LogEvent destination_paused_event(const DeliveryFailure& failure,
                                                std::string_view reason);
[[nodiscard]] LogEvent destination_resumed_event();
[[nodiscard]] LogEvent destination_recovered_event(std::uint32_t failures);
[[nodiscard]] LogEvent source_paused_event(const PausedSource& paused, Extent extent);
[[nodiscard]] LogEvent source_resumed_event(const std::string& source, std::string_view reason);
[[nodiscard]] LogEvent entry_dead_event(const Entry& entry, const DeliveryFailure& failure);

}  // namespace holdfast::relay
