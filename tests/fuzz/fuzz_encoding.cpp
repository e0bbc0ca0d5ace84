// Bytes and text: everything that is written can be read back, and what is read has one text.

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/uuid.hpp"
#include "fuzz/target.hpp"
#include "support/sign.hpp"

namespace holdfast::fuzz {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

void check_codes(std::string_view input) {
  HOLDFAST_CHECK(base::from_hex(base::to_hex(input)) == input, "hex is read back");
  HOLDFAST_CHECK(base::from_base64(base::to_base64(input)) == input, "base64 is read back");
  if (const auto bytes = base::from_hex(input))
    HOLDFAST_CHECK(base::to_hex(*bytes) == lower(input), "hex has one text but for its case");
  if (const auto bytes = base::from_base64(input)) {
    HOLDFAST_CHECK(input.size() % 4 == 0, "base64 is padded");
    // Only stray bits of the last letter before the padding may differ.
    const auto again = base::to_base64(*bytes);
    HOLDFAST_CHECK(again.size() == input.size(), "base64 has one length");
    const std::size_t exact = input.size() < 4 ? 0 : input.size() - 4;
    HOLDFAST_CHECK(again.substr(0, exact) == input.substr(0, exact), "base64 has one text");
  }
  HOLDFAST_CHECK(
      base::to_hex(base::from_hex(base::sha256_hex(input)).value()) == base::sha256_hex(input),
      "a hash is hex");
}

void check_text(std::string_view input) {
  // Their writer refuses what is no UTF-8.
  bool theirs = true;
  try {
    static_cast<void>(nlohmann::json(std::string(input)).dump());
  } catch (const nlohmann::json::exception&) {
    theirs = false;
  }
  HOLDFAST_CHECK(base::is_utf8(input) == theirs, "both know UTF-8");
  const auto text = base::to_postgres_text(input);
  HOLDFAST_CHECK(base::is_utf8(text) && !text.contains('\0'), "Postgres can hold it");
  HOLDFAST_CHECK(base::to_postgres_text(text) == text, "text stays text");
  if (base::is_utf8(input) && !input.contains('\0'))
    HOLDFAST_CHECK(text == input, "text stays text");
  for (const bool plus : {false, true}) {
    const auto decoded = base::percent_decode(input, plus);
    HOLDFAST_CHECK(decoded.size() <= input.size(), "decoding never adds");
    if (!input.contains('%') && !(plus && input.contains('+')))
      HOLDFAST_CHECK(decoded == input, "what is not escaped stays");
  }
  HOLDFAST_CHECK(base::equal_ignore_case(input, lower(input)), "case does not count");
  HOLDFAST_CHECK(base::equal_constant_time(input, std::string(input)), "equal is equal");
  HOLDFAST_CHECK(!base::equal_constant_time(input, std::string(input) + "x"), "longer is not");
}

void check_ids(std::string_view input) {
  if (const auto id = Uuid::parse(input))
    HOLDFAST_CHECK(id->to_string() == lower(input), "an id has one text but for its case");
  if (input.size() >= 16) {
    Uuid id;
    for (std::size_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<std::uint8_t>(input[i]);
    HOLDFAST_CHECK(Uuid::parse(id.to_string()) == id, "an id is read back");
    base::UuidV7Generator generator(id);
    const auto next = generator.next(base::time_of(id));
    HOLDFAST_CHECK(next != id, "ids are new");
  }
  const auto time = base::from_rfc3339(input);
  if (!time) return;
  const auto text = base::to_rfc3339(*time);
  const auto again = base::from_rfc3339(text);
  HOLDFAST_CHECK(again.has_value(), "a time is read back");
  HOLDFAST_CHECK(base::to_rfc3339(*again) == text, "a time has one text");
}

void check_encoding(std::string_view input) {
  check_codes(input);
  check_text(input);
  check_ids(input);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("encoding", holdfast::fuzz::check_encoding);
