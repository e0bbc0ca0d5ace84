#include "outbox/found_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <span>

#include "outbox/page_bytes.hpp"
#include "outbox/schema.hpp"

namespace holdfast::outbox {
namespace {

constexpr int depth_max = 20;

/// What the columns of a row are: n NULL, i number, t text, b blob, u blob of 16, h blob of 32; in
/// capitals: or NULL.
struct Shape {
  RowKind kind;
  bool table;
  std::string_view columns;
  std::size_t columns_least;
};
constexpr std::array shapes{
    Shape{RowKind::entry, true, "nuiiiIiiIThTTTTUUUIH", 18},
    Shape{RowKind::payload, true, "nttttTbb", 8},
    Shape{RowKind::meta, true, "nuiuiiiii", 8},
    Shape{RowKind::schema, true, "tttiT", 5},
    Shape{RowKind::source, true, "nt", 2},
    Shape{RowKind::attempt, false, "iiittt", 6},
    Shape{RowKind::entry_id, false, "ui", 2},
    Shape{RowKind::source_name, false, "ti", 2},
    Shape{RowKind::pause, false, "tit", 3},
    Shape{RowKind::audit, true, "nitttt", 6},
};

std::uint64_t bytes_of_type(std::uint64_t type) {
  constexpr std::array<std::uint64_t, 12> numbers{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
  return type < numbers.size() ? numbers[type] : (type - 12) / 2;
}

bool is_number(std::uint64_t type) {
  return (type >= 1 && type <= 6) || type == 8 || type == 9;
}

bool fits(std::uint64_t type, char column) {
  switch (column) {
    case 'n': return type == 0;
    case 'i': return is_number(type);
    case 't': return type >= 13 && type % 2 == 1;
    case 'b': return type >= 12 && type % 2 == 0;
    case 'u': return type == 12 + 2 * 16;
    case 'h': return type == 12 + 2 * 32;
    case 'I': return type == 0 || is_number(type);
    case 'T': return type == 0 || fits(type, 't');
    case 'U': return type == 0 || fits(type, 'u');
    case 'H': return type == 0 || fits(type, 'h');
    default: return false;
  }
}

/// The types of a record's columns and where their bytes begin; nullopt if they do not add up.
struct RecordHead {
  std::vector<std::uint64_t> types;
  std::size_t body_at = 0;
};
std::optional<RecordHead> read_head(std::span<const std::uint8_t> local, std::uint64_t bytes) {
  constexpr std::size_t columns_max = 32;
  std::size_t at = 0;
  const auto head_bytes = read_varint(local, at);
  if (!head_bytes || *head_bytes > local.size() || *head_bytes < at) return std::nullopt;
  RecordHead head;
  head.body_at = static_cast<std::size_t>(*head_bytes);
  std::uint64_t total = *head_bytes;
  while (at < head.body_at) {
    const auto type = read_varint(local.first(head.body_at), at);
    if (!type || *type == 7 || *type == 10 || *type == 11) return std::nullopt;
    if (head.types.size() == columns_max || bytes_of_type(*type) > bytes) return std::nullopt;
    total += bytes_of_type(*type);
    head.types.push_back(*type);
  }
  if (total != bytes) return std::nullopt;
  return head;
}

std::optional<RowKind> kind_of(const RecordHead& head, bool table) {
  for (const auto& shape : shapes) {
    const auto& types = head.types;
    if (shape.table != table || types.size() < shape.columns_least ||
        types.size() > shape.columns.size())
      continue;
    bool all = true;
    for (std::size_t i = 0; all && i < types.size(); ++i) all = fits(types[i], shape.columns[i]);
    if (all) return shape.kind;
  }
  return std::nullopt;
}

Value read_value(std::span<const std::uint8_t> bytes, std::uint64_t type) {
  if (type == 0) return {};
  if (type == 8 || type == 9) return static_cast<std::int64_t>(type - 8);
  if (type < 8) {
    const std::uint64_t raw = big_endian(bytes, 0, bytes.size());
    const auto shift = static_cast<unsigned>(64 - 8 * bytes.size());
    return static_cast<std::int64_t>(raw << shift) >> shift;  // With its sign.
  }
  std::string text(bytes.begin(), bytes.end());
  if (type % 2 == 1) return text;
  return Bytes{std::move(text)};
}

std::vector<Value> read_values(std::span<const std::uint8_t> record, const RecordHead& head) {
  std::vector<Value> values;
  std::size_t at = head.body_at;
  for (const auto type : head.types) {
    const auto length = static_cast<std::size_t>(bytes_of_type(type));
    values.push_back(read_value(record.subspan(at, length), type));
    at += length;
  }
  return values;
}

/// The trees that hold what is wanted.
bool is_wanted_tree(const std::string& name) {
  constexpr std::array<std::string_view, 9> names{
      "meta",     "source",         "entry", "payload", "attempt", "sqlite_autoindex_source_1",
      "entry_id", "operator_pause", "audit"};
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool is_our_schema(const FoundRow& row) {
  const auto* name = std::get_if<std::string>(&row.values[1]);
  const auto* sql = std::get_if<std::string>(&row.values[4]);
  return row.kind == RowKind::schema && name != nullptr && sql != nullptr && *name == "payload" &&
         sql->contains("remote_address TEXT NOT NULL") && sql->contains("headers BLOB NOT NULL");
}

void RowScan::run(const KindFilter& wanted, const RowSink& sink) {
  const std::uint32_t count = file_.page_count();
  seen_.assign(std::size_t{count} + 1, false);
  broken_ = file_.wal_damaged() || file_.cut_short();
  // Every sound record takes its pages once; the rest is for what damage has made of others.
  pages_left_ = std::uint64_t{count} * 4 + 1000;
  for (const auto root : find_roots()) walk(root, wanted, sink);
  // A whole page in the place of a root looks like a small tree; but then others are left over.
  // Without a list of free pages and with sound trees, what is left over is old.
  if (!mark_free_pages() && !broken_) return;
  for (std::uint32_t number = 1; number <= count; ++number) {
    if (seen_[number]) continue;
    auto bytes = file_.read(number);
    if (!bytes) continue;
    if (const auto page = parse_page(std::move(*bytes), number))
      give_rows(*page, false, wanted, sink);
  }
}

std::vector<std::uint32_t> RowScan::find_roots() {
  std::map<std::string, std::uint32_t> roots;
  walk(
      1, [](RowKind kind) { return kind == RowKind::schema; },
      [&](FoundRow&& row) {
        const auto* name = std::get_if<std::string>(&row.values[1]);
        const auto* root = std::get_if<std::int64_t>(&row.values[3]);
        if (name != nullptr && root != nullptr && is_wanted_tree(*name) && *root > 1 &&
            *root <= file_.page_count())
          roots.emplace(*name, static_cast<std::uint32_t>(*root));
      });
  for (const auto& [name, root] : usual_roots()) {
    if (!is_wanted_tree(name) || !roots.emplace(name, root).second) continue;
    broken_ = true;
  }
  std::vector<std::uint32_t> numbers;
  for (const auto& [name, root] : roots) numbers.push_back(root);
  return numbers;
}

void RowScan::walk(std::uint32_t root, const KindFilter& wanted, const RowSink& sink) {
  std::vector<Step> steps{{root, {}, 0}};
  std::optional<bool> table;
  while (!steps.empty()) {
    const Step step = steps.back();
    steps.pop_back();
    if (!table) {
      auto bytes = file_.read(step.page);
      const auto page = bytes ? parse_page(std::move(*bytes), step.page) : std::nullopt;
      table = !page || page->is_table();
    }
    visit(step, *table, steps, wanted, sink);
  }
}

void RowScan::visit(const Step& step, bool table, std::vector<Step>& steps,
                    const KindFilter& wanted, const RowSink& sink) {
  if (step.page == 0 || step.page > file_.page_count() || step.depth > depth_max ||
      seen_[step.page]) {
    broken_ = true;
    return;
  }
  auto bytes = file_.read(step.page);
  const auto page = bytes ? parse_page(std::move(*bytes), step.page) : std::nullopt;
  if (!page || page->is_table() != table || !keys_fit(*page, step.range)) {
    broken_ = true;
    return;
  }
  seen_[step.page] = true;
  if (!page->whole) broken_ = true;
  give_rows(*page, page->whole, wanted, sink);
  if (page->is_leaf()) return;
  Range range = step.range;
  for (const auto& cell : page->cells) {
    if (table) range.up_to = cell.key;
    steps.push_back({cell.child, range, step.depth + 1});
    if (table) range.above = cell.key;
  }
  range.up_to = step.range.up_to;
  steps.push_back({page->last_child, range, step.depth + 1});
}

bool RowScan::keys_fit(const TreePage& page, const Range& range) const {
  if (!page.is_table()) return true;
  auto above = range.above;
  for (const auto& cell : page.cells) {
    if (above && cell.key <= *above) return false;
    if (range.up_to && cell.key > *range.up_to) return false;
    above = cell.key;
  }
  return true;
}

bool RowScan::mark_free_pages() {
  auto header = file_.read(1);
  if (!header || !parse_page(*header, 1)) return false;
  std::uint32_t trunk = big_endian_32(*header, 32);
  for (std::uint32_t i = 0; i < file_.page_count() && trunk != 0; ++i) {
    if (trunk > file_.page_count() || seen_[trunk]) return false;
    const auto page = file_.read(trunk);
    if (!page) return false;
    const std::uint32_t leaves = big_endian_32(*page, 4);
    const bool sound = big_endian_32(*page, 0) <= file_.page_count();
    if (!sound || leaves > page->size() / 4 - 2) return false;
    seen_[trunk] = true;
    for (std::uint32_t leaf = 0; leaf < leaves; ++leaf) {
      const std::uint32_t number = big_endian_32(*page, 8 + std::size_t{leaf} * 4);
      if (number == 0 || number > file_.page_count()) return false;
      seen_[number] = true;
    }
    trunk = big_endian_32(*page, 0);
  }
  return trunk == 0;
}

void RowScan::give_rows(const TreePage& page, bool trusted, const KindFilter& wanted,
                        const RowSink& sink) {
  if (page.kind == PageKind::table_interior) return;
  for (const auto& cell : page.cells) {
    const auto local = std::span(page.bytes).subspan(cell.local_at, cell.local_bytes);
    const auto head = read_head(local, cell.bytes);
    const auto kind = head ? kind_of(*head, page.is_table()) : std::nullopt;
    if (!kind) {
      // Of an index that is not wanted there may be any; in a table it is damage.
      if (page.is_table()) broken_ = true;
      continue;
    }
    if (!wanted(*kind)) continue;
    const auto record = read_record(file_, page, cell, pages_left_);
    if (!record) continue;
    sink({*kind, cell.key, read_values(*record, *head), trusted});
  }
}

std::vector<FoundRow> read_rows(std::string_view database, std::string_view wal) {
  const MemorySource database_source(database);
  const MemorySource wal_source(wal);
  const PageFile file(database_source, wal_source);
  std::vector<FoundRow> rows;
  RowScan(file).run([](RowKind) { return true; },
                    [&](FoundRow&& row) { rows.push_back(std::move(row)); });
  return rows;
}

}  // namespace holdfast::outbox
