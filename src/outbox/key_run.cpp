#include "outbox/key_run.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

constexpr unsigned block_id_bits = 32;
/// Of more, no run could be the next.
constexpr std::int64_t run_max = (std::int64_t{1} << (63U - block_id_bits)) - 2;
constexpr unsigned block_bits_max = 31;
/// Each is four times the one before.
constexpr std::int64_t level_max = 31;
constexpr std::size_t row_bytes = 16;
/// In a page of 4 KiB are 253; hashes are spread evenly, so that a block has seldom 30 more than
/// the mean. One that does not fit takes a second page.
constexpr std::size_t keys_a_block = 224;

std::uint64_t little_endian(std::uint64_t value) {
  return std::endian::native == std::endian::little ? value : std::byteswap(value);
}

std::int64_t number_at(const char* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return static_cast<std::int64_t>(little_endian(value));
}

void put_number(std::int64_t number, char* bytes) {
  const auto value = little_endian(static_cast<std::uint64_t>(number));
  std::memcpy(bytes, &value, sizeof(value));
}

[[noreturn]] void throw_corrupt() {
  throw SQLite::Exception("a run of the index of keys is not whole", SQLITE_CORRUPT);
}

bool is_possible(std::int64_t run) {
  return run > 0 && run <= run_max;
}

/// Calls `visit(hash, seq)` for each row of a block.
void each_row(const SQLite::Column& column, auto visit) {
  const auto size = static_cast<std::size_t>(column.getBytes());
  if (size % row_bytes != 0) throw_corrupt();
  const std::string_view bytes(static_cast<const char*>(column.getBlob()), size);
  for (std::size_t at = 0; at < size; at += row_bytes)
    visit(number_at(bytes.data() + at), number_at(bytes.data() + at + row_bytes / 2));
}

}  // namespace

unsigned block_bits_for(std::size_t keys) {
  return keys <= keys_a_block ? 0
                              : static_cast<unsigned>(std::bit_width((keys - 1) / keys_a_block));
}

std::string encode_key_block(std::span<const KeyRows::Row> rows) {
  std::string bytes(rows.size() * row_bytes, '\0');
  char* at = bytes.data();
  for (const auto& [hash, seq] : rows) {
    put_number(hash, at);
    put_number(seq, at + row_bytes / 2);
    at += row_bytes;
  }
  return bytes;
}

std::int64_t key_block_id(std::int64_t run, std::size_t block) {
  return (run << block_id_bits) + static_cast<std::int64_t>(block);
}

std::int64_t run_of_key_block(std::int64_t block_id) {
  const auto run = block_id >> block_id_bits;
  if (!is_possible(run)) throw_corrupt();
  return run;
}

KeyRunReader::KeyRunReader(SQLite::Database& database)
    : load_(database,
            "SELECT id, level, first_seq, last_seq, block_bits, keys, gone FROM key_run "
            "ORDER BY first_seq"),
      find_(database, "SELECT keys FROM key_block WHERE id = ?"),
      read_(database, "SELECT keys FROM key_block WHERE id BETWEEN ? AND ? ORDER BY id") {}

std::vector<KeyRun> KeyRunReader::load() {
  std::vector<KeyRun> runs;
  Use row(load_);
  while (row.step()) {
    const auto number = [&](int index) { return row.column(index).getInt64(); };
    const auto block_bits = number(4);
    if (block_bits < 0 || block_bits > block_bits_max) throw_corrupt();
    const KeyRun run{number(0), number(1), number(2), number(3), static_cast<unsigned>(block_bits),
                     number(5), number(6)};
    const auto after = runs.empty() ? 0 : runs.back().last_seq;
    const auto level = runs.empty() ? level_max : runs.back().level;
    const bool follows = run.first_seq > after && run.level >= 0 && run.level <= level;
    const bool has_room = run.keys > 0 && run.keys - 1 <= run.last_seq - run.first_seq;
    if (!is_possible(run.id) || !follows || !has_room || run.gone < 0) throw_corrupt();
    runs.push_back(run);
  }
  return runs;
}

void KeyRunReader::find(const KeyRun& run, std::int64_t hash, std::vector<std::int64_t>& seqs) {
  Use block(find_, key_block_id(run.id, run.block_of(hash)));
  if (!block.step()) throw_corrupt();
  each_row(block.column(0), [&](std::int64_t found, std::int64_t seq) {
    if (found == hash) seqs.push_back(seq);
  });
}

void KeyRunReader::read(const KeyRun& run, unsigned bits, std::size_t prefix, KeyRows::Part& rows) {
  // A block is a part of what is wanted, or has it as a part.
  const bool smaller = run.block_bits >= bits;
  const auto first =
      smaller ? prefix << (run.block_bits - bits) : prefix >> (bits - run.block_bits);
  const auto count = smaller ? std::size_t{1} << (run.block_bits - bits) : 1;
  std::size_t seen = 0;
  Use block(read_, key_block_id(run.id, first), key_block_id(run.id, first + count - 1));
  for (; block.step(); ++seen)
    each_row(block.column(0), [&](std::int64_t hash, std::int64_t seq) {
      if (smaller || key_prefix(hash, bits) == prefix) rows.emplace_back(hash, seq);
    });
  if (seen != count) throw_corrupt();
}

bool all_keys_are_indexed(SQLite::Database& database) {
  KeyRunReader reader(database);
  const auto runs = reader.load();
  SQLite::Statement entry(database,
                          "SELECT key_hash, seq FROM entry WHERE key_hash IS NOT NULL AND "
                          "seq <= (SELECT indexed_seq FROM key_progress)");
  std::vector<std::int64_t> found;
  while (entry.executeStep()) {
    const auto hash = entry.getColumn(0).getInt64();
    const auto seq = entry.getColumn(1).getInt64();
    found.clear();
    for (const auto& run : runs)
      if (run.first_seq <= seq && seq <= run.last_seq) reader.find(run, hash, found);
    if (!std::ranges::contains(found, seq)) return false;
  }
  return true;
}

}  // namespace holdfast::outbox
