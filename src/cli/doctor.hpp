#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/outbox_check.hpp"
#include "postgres/server_facts.hpp"

/// The checks of `doctor`: what was measured, and what to do where that is not good.
namespace holdfast::cli {

enum class Verdict { ok, warn, fail, skipped };

struct Check {
  std::string name;
  Verdict verdict = Verdict::ok;
  std::string found;  ///< The measurement.
  std::string cure;   ///< Empty where all is well.
};
using Checks = std::vector<Check>;

/// How long `count` appends of 4 KiB took, each with its fdatasync.
struct SyncTimes {
  std::chrono::microseconds half;     ///< p50
  std::chrono::microseconds slowest;  ///< p99
  std::size_t count = 0;
};

// The rules: pure, so that each is tested at and past its edge.
[[nodiscard]] Check judge_sync(const SyncTimes& times);
[[nodiscard]] Check judge_filesystem(const OutboxFacts& facts, bool unsafe_is_allowed);
[[nodiscard]] Check judge_integrity(const IntegrityFindings& findings);
[[nodiscard]] Check judge_wal(const OutboxFacts& facts);
[[nodiscard]] Check judge_size(const OutboxFacts& facts, const OutboxConfig& config);
[[nodiscard]] Check judge_disk(const OutboxFacts& facts, const OutboxConfig& config);
[[nodiscard]] Check judge_modes(const OutboxFacts& facts);
/// `moved`: how far the wall clock went ahead of the time that passed; `newest`: when the newest
/// entry was received, if there is one.
[[nodiscard]] Check judge_clock(std::chrono::milliseconds moved, std::optional<WallTime> newest,
                                WallTime now);
[[nodiscard]] Check judge_server_clock(const postgres::ServerFacts& facts);
[[nodiscard]] Check judge_server_version(const postgres::ServerFacts& facts);
[[nodiscard]] Check judge_tls(const postgres::ServerFacts& facts);
[[nodiscard]] Check judge_rights(const postgres::ServerFacts& facts,
                                 const DestinationConfig& config);
[[nodiscard]] Check judge_tables(const postgres::ServerFacts& facts,
                                 const DestinationConfig& config);
[[nodiscard]] Check judge_durability(const postgres::ServerFacts& facts);
/// `limit`: descriptors that a process may have; `owner`: whose that is.
[[nodiscard]] Check judge_open_files(std::uint64_t limit, std::string_view owner,
                                     const IngressConfig& config);

// The measurements; each appends what it found.
void check_disk(const Config& config, const Clock& clock,
                std::optional<std::chrono::milliseconds> integrity_limit, Checks& checks);
void check_postgres(const Config& config, const Clock& clock, Checks& checks);
void check_daemon(const Config& config, Checks& checks);

}  // namespace holdfast::cli
