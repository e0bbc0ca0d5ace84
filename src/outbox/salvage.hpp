#pragma once

#include <functional>
#include <string>

#include "holdfast/clock.hpp"
#include "outbox/files.hpp"
#include "outbox/salvage_file.hpp"

/// A damaged outbox is put aside, whole, and a new one made of what can be read of it, so that
/// intake goes on by itself; docs/decisions/0013. Each step leaves the folder so that the next
/// start can go on from there, whenever the process or the machine ends:
///
/// 1. PATH.salvage is filled from PATH and PATH-wal, which are only read, and synced;
/// 2. it is renamed to PATH.salvaged-TIME: from here on it is whole;
/// 3. PATH-wal, PATH-shm and PATH are renamed to PATH.damaged-TIME…;
/// 4. PATH.salvaged-TIME is renamed to PATH.
namespace holdfast::outbox {

struct SalvageReport {
  SalvageCounts counts;
  std::string damaged_file;  ///< The damaged database under its new name.
};

/// Called after each step, for the tests that end the process there.
using SalvageSteps = std::function<void()>;

/// Needs:    the lock file; no connection of this process to the outbox.
/// Errors:   throws Error (refused), with everything still in its place, if this is no outbox of
///           ours, another process has it open, or there is no room.
[[nodiscard]] SalvageReport salvage(
    const OutboxFiles& files, WallTime now, const SalvageSteps& step = [] {});

/// Does what is left of a salvage that was cut short; true if there was something. An unfinished
/// PATH.salvage is removed: it was made of files that are still there.
bool finish_salvage(const OutboxFiles& files, const SalvageSteps& step = [] {});

/// Databases that earlier salvages put aside.
[[nodiscard]] std::vector<std::string> damaged_files(const OutboxFiles& files);

}  // namespace holdfast::outbox
