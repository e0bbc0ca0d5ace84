#include "outbox/key_rows.hpp"

#include <algorithm>

namespace holdfast::outbox {

void KeyRows::add(const Row& row) {
  parts_[key_part(row.first)].push_back(row);
  ++size_;
}

bool KeyRows::remove(const Row& row) {
  const auto removed = std::erase(parts_[key_part(row.first)], row);
  size_ -= removed;
  return removed > 0;
}

void KeyRows::append_found(std::int64_t hash, std::vector<std::int64_t>& seqs) const {
  for (const auto& row : parts_[key_part(hash)])
    if (row.first == hash) seqs.push_back(row.second);
}

void KeyRows::append(unsigned bits, std::size_t prefix, Part& rows) const {
  const auto count = key_parts >> bits;
  for (std::size_t part = prefix * count; part < (prefix + 1) * count; ++part)
    rows.insert(rows.end(), parts_[part].begin(), parts_[part].end());
}

void KeyRows::clear() {
  for (auto& part : parts_) part.clear();
  size_ = 0;
}

}  // namespace holdfast::outbox
