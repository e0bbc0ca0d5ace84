#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <format>

#include "cli/doctor.hpp"
#include "holdfast/outbox_reader.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t appends = 50;
constexpr std::size_t append_bytes = 4096;

/// A file without a name in the folder of the outbox: nothing stays, whatever happens.
int open_nameless(const std::string& folder) {
  std::string path = folder + "/holdfast-doctor-XXXXXX";
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor >= 0) ::unlink(path.c_str());
  return descriptor;
}

std::expected<SyncTimes, std::string> measure_sync(const std::string& folder, const Clock& clock) {
  const int descriptor = open_nameless(folder);
  if (descriptor < 0) return std::unexpected(std::string(std::strerror(errno)));
  const std::string bytes(append_bytes, 'x');
  std::vector<std::chrono::microseconds> times;
  std::string error;
  while (times.size() < appends && error.empty()) {
    const auto began = clock.steady_now();
    if (::write(descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
        ::fdatasync(descriptor) != 0)
      error = std::strerror(errno);
    times.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(clock.steady_now() - began));
  }
  ::close(descriptor);
  if (!error.empty()) return std::unexpected(error);
  std::ranges::sort(times);
  return SyncTimes{times[times.size() / 2], times[times.size() * 99 / 100], times.size()};
}

std::optional<WallTime> newest_received(const std::string& path) {
  auto reader = OutboxReader::open(path);
  if (!reader) return std::nullopt;
  ListRequest request;
  request.limit = 1;
  const auto page = reader->list(request);
  if (!page || page->empty()) return std::nullopt;
  return page->front().received_at;
}

void check_integrity(const std::string& path, std::optional<std::chrono::milliseconds> limit,
                     Checks& checks) {
  const auto findings = check_outbox(path, limit);
  if (findings)
    checks.push_back(judge_integrity(*findings));
  else
    checks.push_back({"integrity", Verdict::fail, findings.error().message,
                      "look at the disk and the kernel log (dmesg)"});
}

}  // namespace

void check_disk(const Config& config, const Clock& clock,
                std::optional<std::chrono::milliseconds> integrity_limit, Checks& checks) {
  const auto facts = look_at_outbox(config.outbox.path);
  if (!facts) {
    checks.push_back({"outbox", Verdict::fail, facts.error().message,
                      "check outbox.path and run this as the user of the daemon"});
    return;
  }
  checks.push_back(judge_filesystem(*facts, config.outbox.allow_unsafe_filesystem));
  const auto wall_began = clock.wall_now();
  const auto steady_began = clock.steady_now();
  const auto times = measure_sync(facts->folder, clock);
  if (times)
    checks.push_back(judge_sync(*times));
  else
    checks.push_back({"fsync", Verdict::fail,
                      std::format("writing in {}: {}", facts->folder, times.error()),
                      "let this user write to the folder, and look at the disk"});
  if (facts->used_bytes == 0)
    checks.push_back(
        {"integrity", Verdict::ok, "there is no outbox yet; the first start makes it", ""});
  else
    check_integrity(config.outbox.path, integrity_limit, checks);
  checks.push_back(judge_wal(*facts));
  checks.push_back(judge_size(*facts, config.outbox));
  checks.push_back(judge_disk(*facts, config.outbox));
  checks.push_back(judge_modes(*facts));
  const auto wall_passed = clock.wall_now() - wall_began;
  const auto steady_passed =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady_now() - steady_began);
  checks.push_back(judge_clock(wall_passed - steady_passed, newest_received(config.outbox.path),
                               clock.wall_now()));
}

}  // namespace holdfast::cli
