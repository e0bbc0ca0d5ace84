#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../e2e/fixture.hpp"
#include "../shims/control.hpp"
#include "support/process.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::faults {

using e2e::mixed_write;
using e2e::post_one;
using e2e::write_number;

/// A file system of its own, of a fixed size, that only the daemon sees: a tmpfs in a namespace of
/// mounts, which needs no privileges. The daemon is run through `program()`.
///
/// Errors:   std::runtime_error where namespaces are not permitted: such a machine cannot show
/// this,
///           and must not look as if it had.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size);
  /// To be run in place of the daemon: the daemon, inside.
  [[nodiscard]] const std::string& program() const { return program_; }
  /// The outbox's path, inside.
  [[nodiscard]] std::string outbox() const { return folder_.file("disk/holdfast.db"); }
  /// A file of the disk as this process sees it.
  [[nodiscard]] std::string seen(const std::string& name) const;
  /// "ro", "rw" or another option; false if the kernel refuses.
  bool remount(const std::string& mode) const;
  /// Another program takes all the room that there is, and gives it back.
  void fill() const;
  void empty() const;
  [[nodiscard]] std::uint64_t free_bytes() const;

 private:
  support::ScratchFolder folder_;
  std::string program_;
  support::Process holder_;
};

/// The page through which a preloaded library is steered, mapped here as well.
class ControlPage {
 public:
  ControlPage();
  ~ControlPage();
  ControlPage(const ControlPage&) = delete;
  ControlPage& operator=(const ControlPage&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  shims::Control* operator->() const { return page_; }
  /// Calls from the n-th on fail, `count` of them, and counting begins.
  void arm(std::int64_t n, std::int64_t count, int error) const;
  void disarm() const;

 private:
  support::ScratchFolder folder_;
  std::string path_;
  shims::Control* page_;
};

/// A load that goes on until it is told to stop: one sender, one write after the other.
[[nodiscard]] support::Load::Options endless_load(const support::Daemon& daemon, int first,
                                                  int per_second);

/// Posts with little patience and takes no answer for an answer, too.
[[nodiscard]] support::WriteOutcome post_patiently(const support::Daemon& daemon,
                                                   support::WriteOutcome write);

/// True once the daemon takes connections; false if it ended first, or by the deadline.
[[nodiscard]] bool comes_up(const support::Daemon& daemon, std::chrono::milliseconds deadline);

/// Seconds of processor time that the process has used.
[[nodiscard]] double processor_seconds(int pid);

/// For a long run: HOLDFAST_SOAK_SECONDS, 60 if not set, and HOLDFAST_SEED, 1 if not set.
[[nodiscard]] std::chrono::seconds soak_time();
[[nodiscard]] unsigned soak_seed();

/// What of these writes is not in Postgres as it should be.
struct Verdict {
  std::uint64_t accepted = 0;
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
};
[[nodiscard]] Verdict judge(const support::PostgresCluster& cluster,
                            const std::vector<support::WriteOutcome>& outcomes);

}  // namespace holdfast::faults
