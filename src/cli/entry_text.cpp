#include "cli/entry_text.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "base/encoding.hpp"

namespace holdfast::cli {
namespace {

constexpr std::string_view held_text = "held: no such source";
/// A key may have 512 bytes; one such must not push the errors of all others off the screen.
constexpr std::size_t cell_columns_max = 40;
constexpr std::size_t label_columns = 16;

enum Column : std::size_t { id, state, source, received, bytes, key, error, column_count };
using Row = std::array<std::string, column_count>;

/// Why the entry is where it is, in one line.
std::string explanation(const EntrySummary& entry, bool held) {
  if (held) return std::string(held_text);
  std::string text;
  const auto add = [&](const std::optional<std::string>& part) {
    if (part && !part->empty()) text += (text.empty() ? "" : " ") + printable(*part);
  };
  add(entry.reason);
  add(entry.sqlstate);
  add(entry.constraint);
  add(entry.error);
  if (entry.duplicate_of) add("duplicate of " + entry.duplicate_of->to_string());
  if (entry.conflicts_with) add("conflicts with " + entry.conflicts_with->to_string());
  return text;
}

Row row_of(const EntrySummary& entry, bool held) {
  return {entry.id.to_string(),
          std::string(to_string(entry.state)),
          printable(entry.source),
          base::to_rfc3339(entry.received_at),
          std::to_string(entry.body_bytes),
          printable(entry.dedupe_key.value_or("-")),
          explanation(entry, held)};
}

std::string_view colour_of(std::string_view state) {
  if (state == "pending") return "\x1b[33m";
  if (state == "delivered") return "\x1b[32m";
  if (state == "dead") return "\x1b[31m";
  return state == "discarded" ? "\x1b[2m" : "";
}

std::string line_of(const Row& row, const std::array<std::size_t, column_count>& widths,
                    const Style& style) {
  std::string line;
  for (std::size_t i = 0; i < column_count; ++i) {
    const std::string cell = style.width ? cut(row[i], widths[i]) : row[i];
    const bool right = i == Column::bytes;
    const auto used = columns(cell);
    const std::string filled = right && used < widths[i] ? std::string(widths[i] - used, ' ') + cell
                                                         : pad(cell, widths[i]);
    line += (i == 0 ? "" : "  ") + filled;
  }
  while (line.ends_with(' ')) line.pop_back();
  if (style.width) line = cut(line, *style.width);
  // Coloured last: the codes take no columns.
  const auto colour = style.colour ? colour_of(row[Column::state]) : std::string_view();
  const std::size_t begin = widths[Column::id] + 2;
  if (!colour.empty() && line.size() >= begin + row[Column::state].size()) {
    line.insert(begin + row[Column::state].size(), "\x1b[0m");
    line.insert(begin, colour);
  }
  return line + '\n';
}

}  // namespace

std::string list_text(std::span<const EntrySummary> entries,
                      const std::function<bool(const EntrySummary&)>& held, const Style& style) {
  if (entries.empty()) return "no entries\n";
  std::vector<Row> rows{{"ID", "STATE", "SOURCE", "RECEIVED", "BYTES", "KEY", "ERROR"}};
  for (const auto& entry : entries) rows.push_back(row_of(entry, held(entry)));
  std::array<std::size_t, column_count> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < column_count; ++i) widths[i] = std::max(widths[i], columns(row[i]));
  widths[Column::source] = std::min(widths[Column::source], cell_columns_max);
  widths[Column::key] = std::min(widths[Column::key], cell_columns_max);
  std::string text;
  for (const auto& row : rows) text += line_of(row, widths, style);
  return text;
}

std::string entry_text(const Entry& entry, bool held) {
  std::string text;
  const auto add = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) text += pad(label, label_columns) + std::string(value) + '\n';
  };
  const std::string_view digest(reinterpret_cast<const char*>(entry.body_sha256.data()),
                                entry.body_sha256.size());
  add("id", entry.id.to_string());
  add("seq", std::to_string(entry.seq));
  add("state", to_string(entry.state));
  add("why", explanation(entry, held));
  add("source", printable(entry.source));
  add("key", printable(entry.dedupe_key.value_or("")));
  add("received", base::to_rfc3339(entry.received_at));
  if (entry.settled_at) add("settled", base::to_rfc3339(*entry.settled_at));
  if (entry.replay_of) add("replay of", entry.replay_of->to_string());
  // A receipt knows neither.
  if (!entry.method.empty())
    add("request", printable(entry.method) + ' ' + printable(entry.target));
  add("from", printable(entry.remote_address));
  add("content type", printable(entry.content_type));
  add("traceparent", printable(entry.traceparent.value_or("")));
  add("body",
      std::format("{} bytes, sha256 {}{}", entry.body_bytes, base::to_hex(digest),
                  entry.payload_kept ? "; --body prints it" : "; removed, this is its receipt"));
  if (entry.payload_damaged) add("damaged", "the payload is not what was accepted, or is gone");
  for (const auto& header : entry.headers)
    add("header", printable(header.name) + ": " + printable(header.value));
  for (const auto& attempt : entry.attempts)
    add("attempt",
        std::format("{} {} {} {}", base::to_rfc3339(attempt.at), printable(attempt.error_class),
                    printable(attempt.sqlstate), printable(attempt.error)));
  return text;
}

}  // namespace holdfast::cli
