#include "outbox/wal_index.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "outbox/page_bytes.hpp"

namespace holdfast::outbox {
namespace {

constexpr std::uint64_t wal_header_bytes = 32;
constexpr std::uint64_t frame_header_bytes = 24;
constexpr std::uint32_t wal_magic = 0x377f0682;  ///< The lowest bit: sums of big-endian words.

struct Sums {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const Sums&) const = default;
};

Sums add(Sums sums, std::span<const std::uint8_t> bytes, bool big_endian) {
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    const auto word = [&](std::size_t offset) {
      const std::uint32_t value = big_endian_32(bytes, offset);
      return big_endian ? value : std::byteswap(value);
    };
    sums.first += word(at) + sums.second;
    sums.second += word(at + 4) + sums.first;
  }
  return sums;
}

struct Header {
  std::uint32_t page_bytes = 0;
  std::uint64_t salts = 0;
  bool big_endian = false;
  Sums sums;      ///< As stored; what the first frame goes on from.
  Sums computed;  ///< The same where the header is whole, else perhaps the right one.
  bool whole = false;
};

Header read_header(const ByteSource& wal) {
  Header header;
  std::array<std::uint8_t, wal_header_bytes> bytes{};
  if (!wal.read(0, bytes)) return header;
  const std::uint32_t magic = big_endian_32(bytes, 0);
  header.page_bytes = big_endian_32(bytes, 8);
  header.big_endian = (magic & 1U) != 0;
  header.salts = big_endian_64(bytes, 16);
  header.sums = {big_endian_32(bytes, 24), big_endian_32(bytes, 28)};
  header.computed = add({}, std::span(bytes).first(24), header.big_endian);
  header.whole = (magic & ~1U) == wal_magic && header.computed == header.sums &&
                 is_page_size(header.page_bytes);
  return header;
}

/// Whether anything but zeros is where the header should be: a file made longer by a power cut
/// holds zeros.
bool has_rubbish(const ByteSource& wal) {
  std::array<std::uint8_t, wal_header_bytes> bytes{};
  return wal.read(0, bytes) && std::ranges::any_of(bytes, [](auto byte) { return byte != 0; });
}

class Frames {
 public:
  Frames(const ByteSource& wal, const Header& header, WalIndex& index)
      : wal_(wal), header_(header), index_(index), bytes_(frame_header_bytes + header.page_bytes) {}

  void read_all() {
    std::uint64_t offset = wal_header_bytes;
    Sums before = header_.sums;
    for (; offset + bytes_.size() <= wal_.size(); offset += bytes_.size()) {
      if (!wal_.read(offset, bytes_)) {
        note_bad(false);
        before = {};
        continue;
      }
      const Sums stored{big_endian_32(bytes_, 16), big_endian_32(bytes_, 20)};
      bool chained = continues(before, stored);
      if (offset == wal_header_bytes) chained = chained || continues(header_.computed, stored);
      const bool ours = big_endian_64(bytes_, 8) == header_.salts;
      const std::uint32_t page = big_endian_32(bytes_, 0);
      const std::uint32_t mark = big_endian_32(bytes_, 4);
      if (ours && page != 0 && chained) {
        note_good(page, mark, offset + frame_header_bytes);
      } else {
        note_bad(ours && mark != 0);
      }
      before = stored;
    }
  }

 private:
  [[nodiscard]] bool continues(Sums before, Sums stored) const {
    const auto head = add(before, std::span(bytes_).first(8), header_.big_endian);
    return add(head, std::span(bytes_).subspan(frame_header_bytes), header_.big_endian) == stored;
  }
  void note_good(std::uint32_t page, std::uint32_t mark, std::uint64_t offset) {
    open_.emplace_back(page, offset);
    if (mark == 0) return;
    // Behind a bad frame the first mark may end the torn commit itself; only a second one tells.
    if (bad_ && ++marks_ >= 2) index_.damaged = true;
    if (bad_ && !index_.damaged) return;
    for (const auto& [number, at] : open_) index_.pages[number] = at;
    open_.clear();
    index_.page_count = mark;
  }
  void note_bad(bool marked) {
    bad_ = true;
    if (marked) ++marks_;
  }

  const ByteSource& wal_;
  const Header& header_;
  WalIndex& index_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::pair<std::uint32_t, std::uint64_t>>
      open_;  ///< Frames without a commit mark yet.
  bool bad_ = false;
  int marks_ = 0;  ///< Commit marks from the first bad frame on.
};

}  // namespace

WalIndex index_wal(const ByteSource& wal) {
  WalIndex index;
  if (wal.size() < wal_header_bytes) return index;
  Header header = read_header(wal);
  if (!header.whole) {
    // SQLite takes this for an empty WAL. The header is synced before any frame, so no power cut
    // leaves one that is neither whole nor zeros; the salts of the first frame stand in for it.
    index.damaged = has_rubbish(wal);
    std::array<std::uint8_t, frame_header_bytes> frame{};
    if (!index.damaged || !wal.read(wal_header_bytes, frame)) return index;
    header.page_bytes = default_page_bytes;
    header.salts = big_endian_64(frame, 8);
    header.big_endian = std::endian::native == std::endian::big;
  }
  index.page_bytes = header.page_bytes;
  Frames(wal, header, index).read_all();
  return index;
}

}  // namespace holdfast::outbox
