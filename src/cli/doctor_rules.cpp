#include <algorithm>
#include <format>

#include "base/encoding.hpp"
#include "cli/doctor.hpp"
#include "cli/output.hpp"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;

/// Senders give up after a few seconds, and a group waits for the one before it.
constexpr std::chrono::microseconds sync_slow = 250ms;
constexpr std::chrono::microseconds sync_half_slow = 50ms;
/// A checkpoint comes at 16 MiB at the latest, unless a reader holds it up.
constexpr std::uint64_t wal_bytes_usual = 64 * mib;
constexpr double full_share_warn = 0.7;
constexpr std::chrono::milliseconds clock_step_max = 100ms;
constexpr std::chrono::milliseconds clock_difference_warn = 2s;
/// Signed times of senders are refused from five minutes on.
constexpr std::chrono::milliseconds clock_difference_fail = 60s;
constexpr int server_version_min = 140'000;
/// Besides the connections: the files of the outbox, sockets, the log.
constexpr std::uint64_t files_beside_connections = 128;

double as_ms(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

std::string signed_text(std::chrono::milliseconds time) {
  return std::format("{}{:.1f} s", time < 0ms ? "-" : "+",
                     static_cast<double>(std::abs(time.count())) / 1000);
}

}  // namespace

Check judge_sync(const SyncTimes& times) {
  Check check{"fsync", Verdict::ok,
              std::format("{:.1f} ms at p50, {:.1f} ms at p99 over {} appends of 4 KiB",
                          as_ms(times.half), as_ms(times.slowest), times.count),
              ""};
  if (times.slowest < sync_slow && times.half < sync_half_slow) return check;
  check.verdict = Verdict::warn;
  check.cure =
      "each 2xx waits for one of these: put outbox.path on a faster disk, or see what else writes "
      "to it with iostat -x 1";
  return check;
}

Check judge_filesystem(const OutboxFacts& facts, bool unsafe_is_allowed) {
  const std::string kind = facts.filesystem.empty() ? "a local disk" : facts.filesystem;
  Check check{"file system", Verdict::ok, std::format("{} is on {}", facts.folder, kind), ""};
  if (facts.trust == FilesystemTrust::goes_away) {
    check.verdict = Verdict::warn;
    check.cure =
        "what is stored there ends with the machine or container: put outbox.path on a disk "
        "or a volume";
  } else if (facts.trust == FilesystemTrust::unsafe) {
    check.verdict = unsafe_is_allowed ? Verdict::warn : Verdict::fail;
    check.cure = "locks and fsync cannot be trusted there: put outbox.path on a local disk";
  }
  return check;
}

Check judge_integrity(const IntegrityFindings& findings) {
  if (findings.damage)
    return {"integrity", Verdict::fail, *findings.damage,
            "see \"The outbox is damaged\" in docs/operations.md; look at the disk first"};
  if (findings.complete) return {"integrity", Verdict::ok, "all tables and indexes are sound", ""};
  return {"integrity", Verdict::ok,
          "nothing was found in the part that could be read in time; --full reads all", ""};
}

Check judge_wal(const OutboxFacts& facts) {
  Check check{"WAL", Verdict::ok, std::format("{} in -wal", bytes_text(facts.wal_bytes)), ""};
  if (facts.wal_bytes <= wal_bytes_usual) return check;
  check.verdict = Verdict::warn;
  check.cure =
      "something reads the outbox in one long transaction, or the disk is slow: end other programs "
      "that have it open (fuser holdfast.db)";
  return check;
}

Check judge_size(const OutboxFacts& facts, const OutboxConfig& config) {
  const auto used = facts.used_bytes + facts.wal_bytes;
  const double share = static_cast<double>(used) /
                       static_cast<double>(std::max<std::uint64_t>(config.max_size_bytes, 1));
  Check check{"outbox size", Verdict::ok,
              std::format("{} of {} ({:.0f} %)", bytes_text(used),
                          bytes_text(config.max_size_bytes), share * 100),
              ""};
  if (share < full_share_warn) return check;
  check.verdict = share < 0.95 ? Verdict::warn : Verdict::fail;
  check.cure = "let it drain (\"holdfast status\" says what keeps it), or raise outbox.max_size";
  return check;
}

Check judge_disk(const OutboxFacts& facts, const OutboxConfig& config) {
  Check check{"disk", Verdict::ok,
              std::format("{} free, {} of them held back by outbox.disk_reserve",
                          bytes_text(facts.disk_free_bytes), bytes_text(config.disk_reserve_bytes)),
              ""};
  if (facts.disk_free_bytes >= 2 * config.disk_reserve_bytes) return check;
  check.verdict = facts.disk_free_bytes < config.disk_reserve_bytes ? Verdict::fail : Verdict::warn;
  check.cure = "below the reserve senders get 503: make room on that disk, but never delete -wal";
  return check;
}

Check judge_modes(const OutboxFacts& facts) {
  constexpr std::uint32_t others = 077;
  std::string open;
  for (const auto& file : facts.files)
    if ((file.mode & others) != 0)
      open += std::format("{}{} has {:04o}", open.empty() ? "" : ", ", file.path, file.mode);
  if (open.empty())
    return {"permissions", Verdict::ok,
            facts.files.empty()
                ? "there are no files yet"
                : std::format("{} files, all for their owner alone", facts.files.size()),
            ""};
  return {"permissions", Verdict::warn, open,
          "others can read what was accepted: chmod 600 these files"};
}

Check judge_clock(std::chrono::milliseconds moved, std::optional<WallTime> newest, WallTime now) {
  if (std::chrono::abs(moved) > clock_step_max)
    return {"clock", Verdict::warn,
            std::format("jumped by {} while this command ran", signed_text(moved)),
            "let one time service slew it (chrony, systemd-timesyncd), and only one"};
  if (newest && *newest > now + clock_difference_warn)
    return {"clock", Verdict::warn,
            std::format("{}, but the newest entry was received at {}", base::to_rfc3339(now),
                        base::to_rfc3339(*newest)),
            "the clock was set back, or was ahead then: check the time service (timedatectl)"};
  return {"clock", Verdict::ok, std::format("{}, steady", base::to_rfc3339(now)), ""};
}

Check judge_server_clock(const postgres::ServerFacts& facts) {
  const auto difference = std::chrono::abs(facts.clock_ahead) - facts.round_trip;
  Check check{"clock of Postgres", Verdict::ok,
              std::format("{} to ours; a round trip takes {} ms", signed_text(facts.clock_ahead),
                          facts.round_trip.count()),
              ""};
  if (difference <= clock_difference_warn) return check;
  check.verdict = difference > clock_difference_fail ? Verdict::fail : Verdict::warn;
  check.cure =
      "one of the two clocks is wrong; signed times of senders are judged by ours: check it with "
      "timedatectl";
  return check;
}

Check judge_server_version(const postgres::ServerFacts& facts) {
  Check check{"Postgres", Verdict::ok,
              std::format("version {}, as {}", facts.version_text, printable(facts.user)), ""};
  if (facts.version < server_version_min) {
    check.verdict = Verdict::fail;
    check.cure = "Holdfast needs version 14 or later: upgrade the server";
  } else if (facts.read_only) {
    check.verdict = Verdict::fail;
    check.found += ", read-only";
    check.cure =
        "this is a standby, or its transactions are read-only: point destination.url at the "
        "primary";
  }
  return check;
}

Check judge_tls(const postgres::ServerFacts& facts) {
  const bool verified = facts.sslmode == "verify-full" || facts.sslmode == "verify-ca";
  if (facts.has_tls && verified)
    return {"TLS", Verdict::ok,
            std::format("{}, certificate verified (sslmode={})", facts.tls_version, facts.sslmode),
            ""};
  if (facts.is_local)
    return {"TLS", Verdict::ok,
            facts.has_tls ? facts.tls_version + ", on this machine"
                          : "none, and none is needed: Postgres is on this machine",
            ""};
  if (facts.has_tls)
    return {
        "TLS", Verdict::warn,
        std::format("{}, but the certificate is not verified (sslmode={})", facts.tls_version,
                    facts.sslmode),
        "anybody on the way could pose as the server: add sslmode=verify-full&sslrootcert=system "
        "to destination.url"};
  return {"TLS", Verdict::warn, std::format("none (sslmode={})", facts.sslmode),
          "payloads and password cross the network in the clear: add "
          "sslmode=verify-full&sslrootcert=system to destination.url"};
}

Check judge_rights(const postgres::ServerFacts& facts, const DestinationConfig& config) {
  std::string lacks;
  for (const auto& right : facts.lacks) lacks += (lacks.empty() ? "" : ", ") + right;
  if (!lacks.empty())
    return {"privileges", Verdict::fail, "the role lacks " + lacks,
            std::format("GRANT them in schema {} to {}", config.schema, facts.user)};
  if (facts.inbox_exists)
    return {"privileges", Verdict::ok,
            std::format("schema {} and its tables can be used", config.schema), ""};
  const std::string missing = facts.schema_exists
                                  ? std::format("schema {} has no inbox yet", config.schema)
                                  : std::format("there is no schema {} yet", config.schema);
  if (!config.migrate)
    return {"privileges", Verdict::fail, missing + ", and destination.migrate is false",
            "run \"holdfast migrate apply\" as a role that may make it"};
  if (facts.can_create)
    return {"privileges", Verdict::ok, missing + "; the first delivery makes it", ""};
  return {"privileges", Verdict::fail, missing + ", and the role must not make it",
          std::format("GRANT CREATE ON {} to {}, or run \"holdfast migrate apply\" as another role",
                      facts.schema_exists ? "SCHEMA " + config.schema : "DATABASE", facts.user)};
}

Check judge_tables(const postgres::ServerFacts& facts, const DestinationConfig& config) {
  // Whether they can be made is a question of rights.
  if (!facts.inbox_exists) return {"tables", Verdict::ok, "there are none yet", ""};
  const auto joined = [](const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text;
  };
  if (!facts.unfit.empty())
    return {"tables", Verdict::fail, joined(facts.unfit),
            std::format("deliveries would fail: make it as migrations/postgres does in schema {}, "
                        "or rename the table and run \"holdfast migrate apply\"",
                        config.schema)};
  if (facts.missing_tables.empty())
    return {"tables", Verdict::ok, "all columns and unique indexes are there", ""};
  const std::string missing = joined(facts.missing_tables) + " missing";
  if (config.migrate && facts.can_create)
    return {"tables", Verdict::warn, missing, "the next connection of the daemon makes them anew"};
  return {"tables", Verdict::fail, missing,
          "run \"holdfast migrate apply\" as a role that may make them"};
}

Check judge_durability(const postgres::ServerFacts& facts) {
  Check check{"commits", Verdict::ok,
              std::format("synchronous_commit = {}; ours set it on", facts.synchronous_commit), ""};
  if (facts.fsync) return check;
  return {"commits", Verdict::warn, "the server runs with fsync = off",
          "what it confirms can be lost by a power cut of its machine: set fsync = on"};
}

Check judge_open_files(std::uint64_t limit, std::string_view owner, const IngressConfig& config) {
  const auto wanted = config.max_open_connections + files_beside_connections;
  Check check{"open files", Verdict::ok, std::format("{} may open {}", owner, limit), ""};
  if (limit >= wanted) return check;
  check.verdict = Verdict::warn;
  check.cure = std::format(
      "ingress.max_open_connections asks for {}: raise the limit (LimitNOFILE=, ulimit -Hn)",
      wanted);
  return check;
}

}  // namespace holdfast::cli
