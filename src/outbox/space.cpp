#include "outbox/space.hpp"

#include <algorithm>
#include <format>
#include <limits>

namespace holdfast::outbox {
namespace {

/// Entries that readiness is judged by. The upper one keeps a single huge body that was refused
/// from declaring an outbox full that takes all others.
constexpr std::uint64_t usual_entry_bytes_min = 4 * kib;
constexpr std::uint64_t usual_entry_bytes_max = 256 * kib;

}  // namespace

Shortage find_shortage(const SpaceUse& use, const OutboxConfig& limits, std::uint64_t entry_bytes) {
  const std::uint64_t need = 2 * entry_bytes + commit_overhead_bytes;
  if (use.used_bytes + use.wal_bytes + need > limits.max_size_bytes) return Shortage::outbox_full;
  const std::uint64_t once = entry_bytes + commit_overhead_bytes;
  const bool reuses_pages = use.free_page_bytes >= once;
  const std::uint64_t disk_need =
      reuses_pages ? limits.disk_reserve_bytes / 2 + once : limits.disk_reserve_bytes + need;
  return use.disk_free_bytes < disk_need ? Shortage::disk_reserve : Shortage::none;
}

bool removal_helps(Shortage shortage, SpaceUse use, const OutboxConfig& limits,
                   std::uint64_t entry_bytes) {
  if (shortage != Shortage::disk_reserve) return shortage == Shortage::outbox_full;
  use.free_page_bytes = std::numeric_limits<std::uint64_t>::max();
  return find_shortage(use, limits, entry_bytes) == Shortage::none;
}

std::string reason_not_to_store(const StoreOutlook& outlook, const OutboxConfig& limits) {
  if (!outlook.disk_refusal.empty()) return outlook.disk_refusal;
  SpaceUse use = outlook.use;
  // An append that finds no room empties the WAL first.
  if (!outlook.wal_is_held) use.wal_bytes = 0;
  const auto need = std::clamp(outlook.need_bytes, usual_entry_bytes_min, usual_entry_bytes_max);
  const auto shortage = find_shortage(use, limits, need);
  if (outlook.removable && removal_helps(shortage, use, limits, need)) return {};
  return describe(shortage, use, limits);
}

std::string describe(Shortage shortage, const SpaceUse& use, const OutboxConfig& limits) {
  switch (shortage) {
    case Shortage::none: return {};
    case Shortage::outbox_full:
      return std::format(
          "outbox full: {} of {} bytes are in use; let the relay drain it, settle dead "
          "entries, or raise outbox.max_size",
          use.used_bytes + use.wal_bytes, limits.max_size_bytes);
    case Shortage::disk_reserve:
      return std::format(
          "disk reserve: {} bytes are free and {} are kept in reserve; free disk space, "
          "or lower outbox.disk_reserve",
          use.disk_free_bytes, limits.disk_reserve_bytes);
  }
  return {};
}

}  // namespace holdfast::outbox
