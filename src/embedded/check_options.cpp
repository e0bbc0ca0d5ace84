#include "embedded/check_options.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <format>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/encoding.hpp"
#include "base/limits.hpp"
#include "base/source_name.hpp"
#include "postgres/destination.hpp"

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
  if (destination.schema.starts_with("pg_"))
    refuse("destination.schema",
           "begins with pg_, which Postgres keeps for itself; give another name");
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

/// What HTTP has limits for and a program might not: all of it is in memory and in a row.
std::optional<std::string> fault_of_texts(const NewEntry& entry) {
  const std::array<std::pair<std::string_view, std::size_t>, 6> texts{
      {{"method", entry.method.size()},
       {"target", entry.target.size()},
       {"remote_address", entry.remote_address.size()},
       {"content_type", entry.content_type.size()},
       {"traceparent", entry.traceparent ? entry.traceparent->size() : 0},
       {"order_key", entry.order_key ? entry.order_key->size() : 0}}};
  for (const auto& [name, bytes] : texts)
    if (bytes > limits::entry_text_bytes_max)
      return std::format("its {} has {} bytes; give at most {}", name, bytes,
                         limits::entry_text_bytes_max);
  if (entry.headers.size() > limits::headers.max)
    return std::format("it has {} headers; give at most {}", entry.headers.size(),
                       limits::headers.max);
  std::uint64_t bytes = 0;
  for (const auto& header : entry.headers) bytes += header.name.size() + header.value.size();
  if (bytes > limits::header_bytes.max)
    return std::format("its headers have {} bytes; give at most {}", bytes,
                       limits::header_bytes.max);
  return std::nullopt;
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

std::expected<void, Failure> check_destinations(const EmbeddedOptions& options,
                                                const EmbeddedOutbox::Dependencies& dependencies) {
  const auto& own = dependencies.destinations;
  const auto wrong = [](std::string_view fault_and_cure) {
    return std::unexpected(
        Failure{FailureKind::invalid,
                std::format("opening the outbox: Dependencies::destinations {}", fault_and_cure)});
  };
  if (std::ranges::any_of(own, [](const auto& one) { return one == nullptr; }))
    return wrong("has one that is null; give an object, or leave it out for Postgres");
  if (own.size() > limits::connections.max)
    return wrong(std::format("has {}; give at most {}", own.size(), limits::connections.max));
  if (!own.empty() || options.destination.url.empty()) return {};
  const SystemClock clock;
  try {
    return postgres::PostgresDestination::create(options.destination, options.sources, Uuid{},
                                                 clock, [](const LogEvent&) {})
        .transform([](const auto&) {});
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
  if (auto fault = fault_of_texts(entry)) return refused(*fault);
  if (!entry.dedupe_key) return {};
  if (entry.dedupe_key->empty() || entry.dedupe_key->size() > limits::dedupe_key_bytes_max)
    return refused(std::format("its dedupe_key has {} bytes; give 1 to {}, such as a hash of it",
                               entry.dedupe_key->size(), limits::dedupe_key_bytes_max));
  if (!is_text(*entry.dedupe_key))
    return refused("its dedupe_key is no UTF-8 or holds NUL; encode it, such as in hex");
  return {};
}

}  // namespace holdfast::embedded
