// A byte for the content type, then a body: what goes into the column payload is JSON that jsonb
// holds, and the operations' reader of JSON takes all that the parser does.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/json_pointer.hpp"
#include "fuzz/target.hpp"
#include "postgres/operations_json.hpp"
#include "postgres/operations_json_text.hpp"
#include "postgres/payload.hpp"

namespace holdfast::fuzz {
namespace {

using nlohmann::json;
using postgres::JsonTape;
using postgres::JsonValue;

constexpr std::array<std::string_view, 5> content_types{"application/json", "", "text/plain",
                                                        "application/x-www-form-urlencoded",
                                                        "Application/Problem+JSON; charset=utf-8"};

void check_value(const JsonValue& value, std::size_t depth) {
  if (const auto text = value.string())
    HOLDFAST_CHECK(!text->contains('\0'), "a string has no NUL");
  if (const auto number = value.number())
    HOLDFAST_CHECK(postgres::is_json_number(*number), "a number is one of JSON");
  if (const auto source = value.jsonb()) {
    HOLDFAST_CHECK(base::is_json(*source), "what jsonb gets is JSON");
    HOLDFAST_CHECK(base::is_utf8(*source) && !source->contains("\\u0000"), "and fit for it");
  }
  if (depth == 0) return;
  for (const auto& element : value.elements()) check_value(element, depth - 1);
  for (const auto& [name, member] : value.members()) check_value(member, depth - 1);
}

void check_tape(std::string_view body) {
  const auto tape = JsonTape::read(body);
  const bool is_json = base::is_json(body) && !body.starts_with("\xEF\xBB\xBF");
  if (is_json) HOLDFAST_CHECK(tape.has_value(), "all JSON can be read");
  // It takes strings of any bytes; without those it is as strict as the parser, but for numbers
  // that no long double holds.
  const auto is_plain = [](unsigned char c) {
    return c >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  };
  const bool in_string = !base::is_utf8(body) || body.contains('"');
  if (tape && !in_string && std::ranges::all_of(body, is_plain) && !body.contains('e') &&
      !body.contains('E') && body.size() < 300)
    HOLDFAST_CHECK(base::is_json(body), "only JSON can be read");
  if (!tape) return;
  check_value(tape->root(), 3);
  if (!is_json || !json::accept(body)) return;
  const auto tree = json::parse(body);
  const auto root = tape->root();
  HOLDFAST_CHECK(root.is_object() == tree.is_object(), "the same kind");
  HOLDFAST_CHECK(root.elements().size() == (tree.is_array() ? tree.size() : 0), "all elements");
  if (tree.is_string() && !tree.get<std::string>().contains('\0'))
    HOLDFAST_CHECK(root.string() == tree.get<std::string>(), "the same content");
}

void check_payload(std::string_view input) {
  const auto type = content_types[take_byte(input) % content_types.size()];
  const auto payload = postgres::payload_of(type, input);
  HOLDFAST_CHECK(!payload.json || !payload.unfit, "fit or unfit");
  HOLDFAST_CHECK(!payload.json || !payload.unfit_json, "fit or unfit");
  if (payload.json) {
    // A number beyond long double is JSON that is_json does not take; its pointers find nothing.
    HOLDFAST_CHECK(base::is_utf8(*payload.json), "jsonb takes UTF-8");
    HOLDFAST_CHECK(!payload.json->contains('\0'), "and no NUL");
    HOLDFAST_CHECK(JsonTape::read(*payload.json).has_value() || payload.json->size() > 100'000,
                   "it is JSON");
  }
  if (const auto document = payload.document())
    if (json::accept(*document)) HOLDFAST_CHECK(base::is_json(*document), "pointers need JSON");
  check_tape(input);
  const auto headers = json::parse(postgres::headers_json({{"X-A", std::string(input)}}));
  HOLDFAST_CHECK(headers[0][1] == base::to_postgres_text(input), "headers are kept as text");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("payload", holdfast::fuzz::check_payload);
