#include "embedded/check_options.hpp"

#include <algorithm>
#include <format>
#include <set>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/limits.hpp"
#include "base/source_name.hpp"

namespace holdfast::embedded {
namespace {

namespace limits = base::limits;

[[noreturn]] void refuse(std::string_view option, std::string_view fault_and_cure) {
  throw Error({FailureKind::invalid,
               std::format("opening the outbox: EmbeddedOptions::{} {}", option, fault_and_cure)});
}

template <class T>
void check(std::string_view option, T value, const base::Range<T>& range) {
  if (range.holds(value)) return;
  refuse(option, std::format("is {}; give {} to {}", value, range.min, range.max));
}

void check_outbox(const OutboxConfig& outbox) {
  // SQLite takes "" and ":memory:" for databases that vanish, and "file:" for a URI with options.
  if (outbox.path.empty() || outbox.path.starts_with(':') || outbox.path.starts_with("file:"))
    refuse("outbox.path", "names no file; give a path such as /var/lib/program/outbox.db");
  check("outbox.max_size_bytes", outbox.max_size_bytes, limits::max_size);
  check("outbox.disk_reserve_bytes", outbox.disk_reserve_bytes, limits::disk_reserve);
  check("outbox.keep_delivered", outbox.keep_delivered, limits::keep);
  check("outbox.keep_discarded", outbox.keep_discarded, limits::keep);
  check("outbox.dedupe_window", outbox.dedupe_window, limits::keep);
}

void check_destination(const DestinationConfig& destination) {
  check("destination.connections", destination.connections, limits::connections);
  check("destination.economy_window", destination.economy_window, limits::economy_window);
  check("destination.idle_close", destination.idle_close, limits::idle_close);
  check("destination.batch_entries", destination.batch_entries, limits::batch_entries);
  check("destination.batch_bytes", destination.batch_bytes, limits::batch_bytes);
  check("destination.connect_timeout", destination.connect_timeout, limits::connect_timeout);
  check("destination.deliver_timeout", destination.deliver_timeout, limits::deliver_timeout);
  check("destination.backoff_initial", destination.backoff_initial, limits::backoff);
  check("destination.backoff_max", destination.backoff_max, limits::backoff);
  check("destination.shutdown_timeout", destination.shutdown_timeout, limits::shutdown_timeout);
  if (destination.backoff_max < destination.backoff_initial)
    refuse("destination.backoff_max",
           std::format("is {}, less than backoff_initial ({}); give at least that",
                       destination.backoff_max, destination.backoff_initial));
}

void check_sources(const std::vector<SourceConfig>& sources) {
  if (sources.empty())
    refuse("sources", "is empty, so that nothing could be stored; add one: {.name = \"orders\"}");
  std::set<std::string_view> names;
  for (const auto& source : sources) {
    if (!base::is_source_name(source.name))
      refuse("sources", std::format("has a name of {} bytes that is none; give 1 to {} letters, "
                                    "digits, _ or -",
                                    source.name.size(), limits::source_name_bytes_max));
    if (!names.insert(source.name).second)
      refuse("sources", std::format("has \"{}\" twice; give each a name of its own", source.name));
  }
}

std::unexpected<Failure> refused(std::string_view fault_and_cure) {
  return std::unexpected(
      Failure{FailureKind::invalid, std::format("storing the entry: {}", fault_and_cure)});
}

bool is_text(std::string_view text) {
  return !text.contains('\0') && base::is_utf8(text);
}

}  // namespace

std::expected<void, Failure> check_options(const EmbeddedOptions& options) {
  try {
    check_outbox(options.outbox);
    check_destination(options.destination);
    check_sources(options.sources);
    check("body_bytes_max", options.body_bytes_max, limits::max_body);
    check("append_timeout", options.append_timeout, limits::append_timeout);
    return {};
  } catch (const Error& error) {
    return std::unexpected(error.failure());
  }
}

std::expected<void, Failure> check_entry(const NewEntry& entry, const EmbeddedOptions& options) {
  if (!std::ranges::contains(options.sources, entry.source, &SourceConfig::name))
    return refused(
        "its source is none of EmbeddedOptions::sources; add it there, or mend the name");
  if (entry.body.size() > options.body_bytes_max)
    return refused(std::format("its body has {} bytes; give at most {}, or raise body_bytes_max",
                               entry.body.size(), options.body_bytes_max));
  if (!entry.dedupe_key) return {};
  if (entry.dedupe_key->empty() || entry.dedupe_key->size() > limits::dedupe_key_bytes_max)
    return refused(std::format("its dedupe_key has {} bytes; give 1 to {}, such as a hash of it",
                               entry.dedupe_key->size(), limits::dedupe_key_bytes_max));
  if (!is_text(*entry.dedupe_key))
    return refused("its dedupe_key is no UTF-8 or holds NUL; encode it, such as in hex");
  return {};
}

}  // namespace holdfast::embedded
