#pragma once

#include <cstdint>
#include <string>

#include "holdfast/config.hpp"

/// Whether there is room for an entry: pure, so that each limit is tested at and past its edge.
namespace holdfast::outbox {

/// What the outbox and the disk hold.
struct SpaceUse {
  std::uint64_t used_bytes = 0;  ///< Database pages that are not on the free list.
  std::uint64_t wal_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  std::uint64_t free_page_bytes = 0;  ///< Database pages on the free list: the next entries' place.
};

enum class Shortage { none, outbox_full, disk_reserve };

/// What a commit writes to the WAL besides its entries: each page that it touches, whole.
inline constexpr std::uint64_t commit_overhead_bytes = 64 * kib;

/// Judges whether an entry that takes `entry_bytes` can be stored without going over a limit. It
/// counts twice: once in the database file and once in the WAL, where it is until the next
/// checkpoint. One that goes into free pages of the file takes room in the WAL alone, which the
/// checkpoint gives back, and may use half of the disk's reserve for it: the file never shrinks, so
/// a disk that our own entries have filled would otherwise take none after they were delivered.
[[nodiscard]] Shortage find_shortage(const SpaceUse& use, const OutboxConfig& limits,
                                     std::uint64_t entry_bytes);

/// True if the shortage may end by removing delivered entries early.
[[nodiscard]] bool removal_helps(Shortage shortage, SpaceUse use, const OutboxConfig& limits,
                                 std::uint64_t entry_bytes);

/// What tells whether the next append would be taken.
struct StoreOutlook {
  SpaceUse use;
  bool wal_is_held = false;      ///< A reader keeps the WAL from being emptied to make room.
  bool removable = false;        ///< There are delivered entries to remove early.
  std::uint64_t need_bytes = 0;  ///< What the entry refused last would have taken; 0 if none was.
  std::string disk_refusal;      ///< The disk refused a write, and none has worked since.
};

/// Why an append of usual size would be refused now; empty while it would be taken.
[[nodiscard]] std::string reason_not_to_store(const StoreOutlook& outlook,
                                              const OutboxConfig& limits);

/// The shortage for the operator; empty for none.
[[nodiscard]] std::string describe(Shortage shortage, const SpaceUse& use,
                                   const OutboxConfig& limits);

}  // namespace holdfast::outbox
