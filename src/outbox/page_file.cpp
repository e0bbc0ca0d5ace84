#include "outbox/page_file.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "outbox/page_bytes.hpp"

/// Source: sqlite.org/fileformat2.html. Nothing that a page says is trusted: each offset, length
/// and page number is checked before it is used.
namespace holdfast::outbox {
namespace {

constexpr std::size_t database_header_bytes = 100;
constexpr std::string_view magic{"SQLite format 3\0", 16};
/// SQLite itself takes no larger record.
constexpr std::uint64_t record_bytes_max = 1'000'000'000;

std::uint32_t find_page_bytes(const ByteSource& database, const WalIndex& wal) {
  if (wal.page_bytes != 0) return wal.page_bytes;
  std::array<std::uint8_t, 18> header{};
  if (!database.read(0, header) || !std::equal(magic.begin(), magic.end(), header.begin()))
    return default_page_bytes;
  const std::uint32_t stored = big_endian_16(header, 16);
  const std::uint32_t bytes = stored == 1 ? 65536 : stored;
  return is_page_size(bytes) ? bytes : default_page_bytes;
}

/// How much of a record is in the page itself.
std::size_t local_bytes_of(std::uint64_t bytes, std::uint64_t usable, bool table) {
  const std::uint64_t most = table ? usable - 35 : (usable - 12) * 64 / 255 - 23;
  if (bytes <= most) return bytes;
  const std::uint64_t least = (usable - 12) * 32 / 255 - 23;
  const std::uint64_t fitting = least + (bytes - least) % (usable - 4);
  return fitting <= most ? fitting : least;
}

bool read_cell(const TreePage& page, std::size_t at, Cell& cell) {
  const std::span<const std::uint8_t> bytes = page.bytes;
  if (!page.is_leaf()) {
    if (at + 4 > bytes.size()) return false;
    cell.child = big_endian_32(bytes, at);
    at += 4;
  }
  if (page.kind != PageKind::table_interior) {
    const auto length = read_varint(bytes, at);
    if (!length || *length > record_bytes_max) return false;
    cell.bytes = *length;
  }
  if (page.is_table()) {
    const auto key = read_varint(bytes, at);
    if (!key) return false;
    cell.key = static_cast<std::int64_t>(*key);
    if (page.kind == PageKind::table_interior) return true;
  }
  cell.local_at = at;
  cell.local_bytes = local_bytes_of(cell.bytes, bytes.size(), page.is_table());
  const std::size_t link = cell.local_bytes < cell.bytes ? 4 : 0;
  if (at + cell.local_bytes + link > bytes.size()) return false;
  if (link != 0) cell.overflow = big_endian_32(bytes, at + cell.local_bytes);
  return true;
}

}  // namespace

PageFile::PageFile(const ByteSource& database, const ByteSource& wal)
    : database_(database),
      wal_(wal),
      wal_index_(index_wal(wal)),
      page_bytes_(find_page_bytes(database, wal_index_)),
      page_count_(0) {
  const std::uint64_t in_file = database.size() / page_bytes_;
  page_count_ = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(in_file, std::numeric_limits<std::uint32_t>::max() - 1));
  // What a frame says of its number is covered by its sum, but memory is never sized by it.
  for (const auto& [number, offset] : wal_index_.pages)
    if (number <= page_count_ + wal_index_.pages.size() + in_file + 1)
      page_count_ = std::max(page_count_, number);
}

std::optional<std::vector<std::uint8_t>> PageFile::read(std::uint32_t number) const {
  if (number == 0 || number > page_count_) return std::nullopt;
  std::vector<std::uint8_t> bytes(page_bytes_);
  const auto newer = wal_index_.pages.find(number);
  const bool got = newer != wal_index_.pages.end()
                       ? wal_.read(newer->second, bytes)
                       : database_.read(std::uint64_t{number - 1} * page_bytes_, bytes);
  if (!got) return std::nullopt;
  return bytes;
}

bool PageFile::cut_short() const {
  std::array<std::uint8_t, database_header_bytes> header{};
  // While a WAL waits, the file may be behind what its own first page says.
  if (!wal_index_.pages.empty() || database_.size() == 0) return false;
  if (!database_.read(0, header)) return true;
  if (!std::equal(magic.begin(), magic.end(), header.begin())) return false;
  const std::uint64_t pages = big_endian_32(header, 28);
  const bool valid = big_endian_32(header, 24) == big_endian_32(header, 92);
  return valid && pages * page_bytes_ > database_.size();
}

std::optional<TreePage> parse_page(std::vector<std::uint8_t> bytes, std::uint32_t number) {
  TreePage page;
  page.bytes = std::move(bytes);
  const std::span<const std::uint8_t> view = page.bytes;
  std::size_t at = number == 1 ? database_header_bytes : std::size_t{0};
  if (view.size() < at + 12) return std::nullopt;
  const std::uint8_t kind = view[at];
  if (kind != 2 && kind != 5 && kind != 10 && kind != 13) return std::nullopt;
  page.kind = static_cast<PageKind>(kind);
  const std::size_t count = big_endian_16(view, at + 3);
  if (!page.is_leaf()) page.last_child = big_endian_32(view, at + 8);
  at += page.is_leaf() ? std::size_t{8} : std::size_t{12};
  const std::size_t pointers = std::min(count, (view.size() - at) / 2);
  page.whole = pointers == count;
  std::size_t used = 0;  // Cells never overlap, so many pointers to one cell are damage.
  for (std::size_t i = 0; i < pointers; ++i) {
    const std::size_t offset = big_endian_16(view, at + 2 * i);
    Cell cell;
    if (offset >= at + 2 * pointers && offset < view.size() && read_cell(page, offset, cell) &&
        (used += cell.local_bytes) <= view.size()) {
      page.cells.push_back(cell);
    } else {
      page.whole = false;
    }
  }
  return page;
}

std::optional<std::vector<std::uint8_t>> read_record(const PageFile& file, const TreePage& page,
                                                     const Cell& cell, std::uint64_t& pages_left) {
  const std::uint64_t per_page = page.bytes.size() - 4;
  const std::uint64_t pages = (cell.bytes - cell.local_bytes + per_page - 1) / per_page;
  if (pages > file.page_count() || pages > pages_left) return std::nullopt;
  const auto local = std::span(page.bytes).subspan(cell.local_at, cell.local_bytes);
  std::vector<std::uint8_t> record(local.begin(), local.end());
  record.reserve(cell.bytes);
  std::uint32_t next = cell.overflow;
  while (record.size() < cell.bytes) {
    --pages_left;
    const auto bytes = file.read(next);
    if (!bytes) return std::nullopt;
    next = big_endian_32(*bytes, 0);
    const auto part = std::min<std::uint64_t>(per_page, cell.bytes - record.size());
    record.insert(record.end(), bytes->begin() + 4,
                  bytes->begin() + 4 + static_cast<std::ptrdiff_t>(part));
  }
  return record;
}

}  // namespace holdfast::outbox
