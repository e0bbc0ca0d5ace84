#include "relay/events.hpp"

#include <format>

namespace holdfast::relay {
namespace {

std::string seconds(std::chrono::milliseconds delay) {
  return std::format("{:.3f}", static_cast<double>(delay.count()) / 1000.0);
}

std::string_view advice(DeliveryClass delivery_class) {
  switch (delivery_class) {
    case DeliveryClass::quota: return "raise the quota of the Postgres account";
    case DeliveryClass::defect: return "report this to the authors of Holdfast";
    default: return "correct the connection URL, the privileges or the schema";
  }
}

}  // namespace

bool is_about_content(DeliveryClass delivery_class) {
  return delivery_class == DeliveryClass::data || delivery_class == DeliveryClass::foreign_key;
}

bool is_misconfiguration(DeliveryClass delivery_class) {
  return delivery_class == DeliveryClass::config || delivery_class == DeliveryClass::quota ||
         delivery_class == DeliveryClass::defect;
}

bool is_blocked(DeliveryClass delivery_class) {
  return delivery_class == DeliveryClass::contention || delivery_class == DeliveryClass::timeout;
}

std::string hint_at(const Entry& entry) {
  return "; see `holdfast outbox show " + entry.id.to_string() + "`";
}

std::string describe(const DeliveryFailure& failure) {
  std::string text = failure.sqlstate;
  if (!is_about_content(failure.delivery_class)) {
    if (!text.empty() && !failure.message.empty()) text += ": ";
    return text + failure.message;
  }
  if (text.empty()) text = "no SQLSTATE";
  if (!failure.constraint.empty()) text += " (constraint " + failure.constraint + ")";
  return text;
}

LogEvent retry_event(const DeliveryFailure& failure, const Retry& retry, std::size_t entries) {
  // A first reconnect at once is how every suspend of an idle compute ends: nothing to warn of.
  const bool routine = retry.delay.count() == 0 && !is_about_content(failure.delivery_class);
  const std::string reason = describe(failure);
  LogEvent event{routine ? LogLevel::info : LogLevel::warn, "delivery_retry",
                 std::format("Delivering {} {}: {}; tried again in {} s.", entries,
                             entries == 1 ? "entry" : "entries", reason, seconds(retry.delay))};
  event.fields = {{"attempt", std::to_string(retry.attempt)},
                  {"class", std::string(to_string(failure.delivery_class))},
                  {"sqlstate", failure.sqlstate},
                  {"delay_seconds", seconds(retry.delay)},
                  {"reason", reason},
                  {"entries", std::to_string(entries)}};
  if (failure.in_doubt) event.fields.emplace_back("in_doubt", "true");
  return event;
}

LogEvent split_event(const DeliveryFailure& failure, std::size_t entries) {
  return {LogLevel::debug,
          "batch_split",
          std::format("A batch of {} entries was refused: {}; looking for the bad one.", entries,
                      describe(failure)),
          {{"class", std::string(to_string(failure.delivery_class))},
           {"sqlstate", failure.sqlstate},
           {"entries", std::to_string(entries)}}};
}

LogEvent destination_paused_event(const DeliveryFailure& failure, std::string_view reason) {
  return {LogLevel::error,
          "destination_paused",
          std::format("Delivering: {}; {}. Entries wait in the outbox; delivery resumes by itself.",
                      describe(failure), advice(failure.delivery_class)),
          {{"pause_reason", std::string(reason)},
           {"class", std::string(to_string(failure.delivery_class))},
           {"sqlstate", failure.sqlstate},
           {"probe_seconds", seconds(probe_interval)}}};
}

LogEvent destination_resumed_event() {
  return {LogLevel::info, "destination_resumed", "The destination takes entries again.", {}};
}

LogEvent destination_recovered_event(std::uint32_t failures) {
  return {LogLevel::info,
          "destination_recovered",
          std::format("The destination answers again after {} failed tries.", failures),
          {{"failures", std::to_string(failures)}}};
}

LogEvent source_paused_event(const PausedSource& paused, Extent extent) {
  const std::string_view what = extent == Extent::source ? "paused" : "paused for one order group";
  return {LogLevel::error,
          "source_paused",
          std::format("Source {} is {}: {}, last error {}. Its entries wait; correct the cause "
                      "and it resumes by itself.",
                      paused.source, what, paused.reason, paused.error),
          {{"source", paused.source},
           {"pause_reason", paused.reason},
           {"error", paused.error},
           {"probe_seconds", seconds(probe_interval)}}};
}

LogEvent source_resumed_event(const std::string& source, std::string_view reason) {
  return {LogLevel::info,
          "source_resumed",
          std::format("Source {} is delivered again.", source),
          {{"source", source}, {"pause_reason", std::string(reason)}}};
}

LogEvent entry_dead_event(const Entry& entry, const DeliveryFailure& failure) {
  const std::string id = entry.id.to_string();
  return {LogLevel::warn,
          "entry_dead",
          std::format("Postgres refuses entry {}: {}; look at it with `holdfast outbox show {}`.",
                      id, describe(failure), id),
          {{"id", id},
           {"source", entry.source},
           {"sqlstate", failure.sqlstate},
           {"constraint", failure.constraint}}};
}

}  // namespace holdfast::relay
