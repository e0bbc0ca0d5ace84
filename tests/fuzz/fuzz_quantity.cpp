// Durations, sizes, references to the environment, and values quoted in messages.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "config/environment.hpp"
#include "config/errors.hpp"
#include "config/quantity.hpp"
#include "fuzz/target.hpp"

namespace holdfast::fuzz {
namespace {

std::optional<std::string> variable(const std::string& name) {
  if (name == "CANARY") return "${secret}$${";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

void check_references(std::string_view input) {
  const auto result = config::substitute(input, variable);
  if (!input.contains("${")) HOLDFAST_CHECK(result == input, "other text stays as it is");
  if (!result) {
    // It quotes names, and a name may hold the same letters.
    if (!input.contains("secret"))
      HOLDFAST_CHECK(!result.error().contains("secret"), "a message quotes no value");
    return;
  }
  // A value is put in as it is, and what stands in it is not looked at again.
  std::string doubled(input);
  for (auto at = doubled.find("${"); at != std::string::npos; at = doubled.find("${", at + 3))
    doubled.replace(at, 2, "$${");
  if (!input.contains("$$"))
    HOLDFAST_CHECK(config::substitute(doubled, variable) == input, "escapes");
  const auto with = config::substitute("${CANARY}" + std::string(input), variable);
  HOLDFAST_CHECK(with == "${secret}$${" + *result, "values are not looked at again");
}

void check_quoted(std::string_view input) {
  const auto quoted = config::in_quotes(input);
  HOLDFAST_CHECK(quoted.size() <= 4 * 80 + 16, "a message is short");
  HOLDFAST_CHECK(
      std::ranges::none_of(quoted, [](unsigned char c) { return c < 0x20 || c == 0x7F; }),
      "a message is one line");
}

void check_quantity(std::string_view input) {
  if (const auto duration = config::parse_duration(input)) {
    HOLDFAST_CHECK(duration->count() >= 0, "no duration is negative");
    HOLDFAST_CHECK(config::parse_duration(config::duration_text(*duration)) == *duration,
                   "a duration is read back");
  } else {
    HOLDFAST_CHECK(!duration.error().empty(), "an error says what to write");
  }
  if (const auto size = config::parse_size(input))
    HOLDFAST_CHECK(config::parse_size(config::size_text(*size)) == *size, "a size is read back");
  HOLDFAST_CHECK(!config::parse_size(input) || !config::parse_duration(input), "units differ");
  check_references(input);
  check_quoted(input);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("quantity", holdfast::fuzz::check_quantity);
