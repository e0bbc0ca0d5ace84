#include "cli/status_text.hpp"

#include <format>
#include <optional>

#include "base/encoding.hpp"

namespace holdfast::cli {
namespace {

using nlohmann::json;

constexpr std::size_t label_columns = 13;

/// A part of the document; null where there is none.
const json& at(const json& document, std::string_view key) {
  static const json nothing;
  if (!document.is_object()) return nothing;
  const auto found = document.find(key);
  return found == document.end() ? nothing : *found;
}

std::optional<std::string> text_of(const json& document, std::string_view key) {
  const auto& value = at(document, key);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return std::nullopt;
  return printable(value.get_ref<const std::string&>());
}

/// A number that every integer type used here can hold.
std::optional<double> number_of(const json& value) {
  static constexpr double number_max = 1e15;
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  return number >= 0 && number <= number_max ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> count_of(const json& document, std::string_view key) {
  const auto& value = at(document, key);
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  const auto number = number_of(value);
  if (!number) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

/// A time and how far it is from now.
std::optional<std::string> when(const json& document, std::string_view key, WallTime now) {
  const auto text = text_of(document, key);
  if (!text) return std::nullopt;
  const auto time = base::from_rfc3339(*text);
  if (!time) return text;
  return *time >= now ? std::format("{} (in {})", *text, age_text(*time - now))
                      : std::format("{} ({} ago)", *text, age_text(now - *time));
}

class Lines {
 public:
  /// Appends to the line at hand, after a separator if it has begun.
  void add(std::string_view part) {
    if (!line_.empty()) line_ += "; ";
    line_ += part;
  }
  /// Ends the line; one without parts is left out.
  void end(std::string_view label) {
    if (!line_.empty()) text_ += pad(label, label_columns) + line_ + '\n';
    line_.clear();
  }
  [[nodiscard]] bool empty() const { return line_.empty(); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string line_;
  std::string text_;
};

std::string coloured_status(const std::string& status, const Style& style) {
  if (!style.colour) return status;
  const auto* code = status == "ok" ? "32" : status == "degraded" ? "33" : "31";
  return std::format("\x1b[{}m{}\x1b[0m", code, status);
}

void add_destination(Lines& lines, const json& destination, WallTime now) {
  if (const auto state = text_of(destination, "state")) lines.add(*state);
  if (const auto at_time = when(destination, "retry_at", now)) {
    const bool gathering = at(destination, "state") == "idle";
    lines.add((gathering ? "gathering, next drain " : "next try ") + *at_time);
  }
  if (const auto failures = count_of(destination, "consecutive_failures");
      failures && *failures > 0)
    lines.add(std::format("{} failure{} in a row", *failures, *failures == 1 ? "" : "s"));
  if (const auto since = when(destination, "failing_since", now))
    lines.add("nothing gets through since " + *since);
  lines.end("destination");
  if (const auto success = when(destination, "last_success", now)) lines.add(*success);
  lines.end("last success");
  if (const auto error = text_of(destination, "last_error")) {
    lines.add(*error);
    if (const auto at_time = when(destination, "last_error_at", now)) lines.add(*at_time);
  }
  lines.end("last error");
}

void add_outbox(Lines& lines, const json& outbox) {
  if (const auto pending = count_of(outbox, "pending"))
    lines.add(std::format("{} pending", *pending));
  const auto age = number_of(at(outbox, "oldest_pending_age_seconds")).value_or(0);
  if (age > 0)
    lines.add("oldest " +
              age_text(std::chrono::milliseconds(static_cast<std::int64_t>(age * 1000))));
  lines.end("backlog");
  for (const auto* key : {"dead", "discarded", "delivered"})
    if (const auto count = count_of(outbox, key)) lines.add(std::format("{} {}", *count, key));
  lines.end("settled");
  const auto bytes = count_of(outbox, "bytes");
  const auto bytes_max = count_of(outbox, "bytes_max");
  if (bytes && bytes_max && *bytes_max > 0)
    lines.add(std::format("{} of {}", bytes_text(*bytes), bytes_text(*bytes_max)));
  else if (bytes)
    lines.add(bytes_text(*bytes));
  if (const auto free = count_of(outbox, "disk_free_bytes"))
    lines.add(std::format("{} free on the disk", bytes_text(*free)));
  const auto& can_store = at(outbox, "can_store");
  if (can_store.is_boolean() && !can_store.get<bool>())
    lines.add("CANNOT STORE: " +
              text_of(outbox, "cannot_store_reason").value_or("no reason was given"));
  lines.end("outbox");
}

/// "1.5/s"
std::optional<std::string> per_second(const json& document, std::string_view key) {
  const auto rate = number_of(at(document, key));
  if (!rate) return std::nullopt;
  return *rate < 10 ? std::format("{:.1f}/s", *rate) : std::format("{:.0f}/s", *rate);
}

void add_rates(Lines& lines, const json& rates) {
  if (const auto accepted = per_second(rates, "accepted_per_second"))
    lines.add("accepted " + *accepted);
  if (const auto delivered = per_second(rates, "delivered_per_second"))
    lines.add("delivered " + *delivered);
  const auto window = number_of(at(rates, "window_seconds")).value_or(0);
  if (!lines.empty() && window > 0)
    lines.add("over the last " +
              age_text(std::chrono::milliseconds(static_cast<std::int64_t>(window * 1000))));
  lines.end("rates");
}

/// When there will be no room any more, and which limit is met then.
void add_forecast(Lines& lines, const json& forecast, WallTime now) {
  if (!forecast.is_object()) return;
  const auto full = when(forecast, "full_at", now);
  if (full) {
    const bool is_full = number_of(at(forecast, "full_in_seconds")) == 0.0;
    lines.add(is_full ? "full: writes are refused" : "full at " + *full);
    if (const auto limit = text_of(forecast, "limited_by")) lines.add("limit " + *limit);
    if (const auto growth = count_of(forecast, "growth_bytes_per_second"); growth && *growth > 0)
      lines.add(std::format("growing {}/s", bytes_text(*growth)));
  } else if (forecast.contains("full_at")) {
    lines.add("not filling up");
  }
  lines.end("forecast");
}

void add_pauses(Lines& lines, const json& relay, WallTime now) {
  const auto& paused = at(relay, "paused");
  if (paused.is_boolean() && paused.get<bool>())
    lines.add("the destination: " + text_of(relay, "pause_reason").value_or("no reason was given"));
  lines.end("paused");
  const auto& sources = at(relay, "paused_sources");
  if (!sources.is_array()) return;
  for (const auto& source : sources) {
    // An older daemon gives names alone.
    const auto name = source.is_string() ? printable(source.get_ref<const std::string&>())
                                         : text_of(source, "source").value_or("?");
    lines.add("source " + name);
    if (const auto reason = text_of(source, "reason")) lines.add(*reason);
    if (const auto error = text_of(source, "error")) lines.add(*error);
    if (const auto since = when(source, "since", now)) lines.add("since " + *since);
    lines.end("paused");
  }
}

}  // namespace

std::string status_text(const json& document, WallTime now, const Style& style) {
  Lines lines;
  if (const auto status = text_of(document, "status")) lines.add(coloured_status(*status, style));
  if (const auto version = text_of(document, "version")) lines.add("version " + *version);
  if (const auto node = text_of(document, "node")) lines.add("node " + *node);
  lines.end("status");
  add_outbox(lines, at(document, "outbox"));
  add_rates(lines, at(document, "rates"));
  add_forecast(lines, at(document, "forecast"), now);
  add_destination(lines, at(document, "destination"), now);
  add_pauses(lines, at(document, "relay"), now);
  return lines.take();
}

}  // namespace holdfast::cli
