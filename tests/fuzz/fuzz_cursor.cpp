// The cursor of a listing comes back from whoever asks for the next page.

#include <charconv>
#include <cstdint>
#include <string_view>

#include "base/cursor.hpp"
#include "fuzz/target.hpp"

namespace holdfast::fuzz {
namespace {

void check_cursor(std::string_view input) {
  if (const auto cursor = base::parse_cursor(input)) {
    HOLDFAST_CHECK(base::to_text(*cursor) == input, "a cursor has one text");
    HOLDFAST_CHECK(cursor->beyond_seq >= 1, "a cursor is behind an entry");
  }
  std::int64_t seq = 0;
  std::from_chars(input.data(), input.data() + input.size(), seq);
  if (seq < 1) return;
  const base::Cursor cursor{input.size() % 2 == 0, seq, static_cast<std::uint32_t>(input.size())};
  HOLDFAST_CHECK(base::parse_cursor(base::to_text(cursor)) == cursor, "a cursor is read back");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("cursor", holdfast::fuzz::check_cursor);
