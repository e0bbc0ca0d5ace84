#include "config/environment.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace holdfast::config;

namespace {

std::optional<std::string> variables(const std::string& name) {
  if (name == "SET") return "value";
  if (name == "EMPTY") return "";
  if (name == "ODD") return "a${SET}b\"c'd}e:f";
  if (name == "_a1") return "under";
  return std::nullopt;
}

}  // namespace

TEST_CASE("config: variables are replaced in strings", "[config][environment]") {
  struct Row {
    std::string_view text;
    std::string_view result;
  };
  const auto row = GENERATE(
      Row{"", ""}, Row{"plain", "plain"}, Row{"${SET}", "value"},
      Row{"a${SET}b${SET}c", "avaluebvaluec"}, Row{"${EMPTY}", ""}, Row{"${_a1}", "under"},
      Row{"${UNSET:}", ""}, Row{"${UNSET:x}", "x"}, Row{"${SET:x}", "value"},
      Row{"${EMPTY:x}", "x"}, Row{"${UNSET:postgres://u@h:5432/d}", "postgres://u@h:5432/d"},
      Row{"${UNSET::}", ":"}, Row{"$${SET}", "${SET}"}, Row{"a$${b", "a${b"},
      Row{"$$${SET}", "$${SET}"}, Row{"$", "$"}, Row{"$SET", "$SET"}, Row{"$$", "$$"},
      Row{"a$", "a$"}, Row{"{SET}", "{SET}"}, Row{"}", "}"}, Row{"DO $$ x $$", "DO $$ x $$"},
      Row{"$a$ $1 $a$", "$a$ $1 $a$"}, Row{"$$${", "$${"}, Row{"${ODD}", "a${SET}b\"c'd}e:f"});
  CAPTURE(row.text);
  CHECK(substitute(row.text, variables) == std::string(row.result));
}

TEST_CASE("config: a variable that is not set and has no default is an error",
          "[config][environment]") {
  const auto result = substitute("secret-part-${UNSET}", variables);
  REQUIRE_FALSE(result);
  CHECK(result.error().contains("variable UNSET is not set and has no default"));
  CHECK_FALSE(result.error().contains("secret-part"));
}

TEST_CASE("config: a broken reference is an error that says how to write it",
          "[config][environment]") {
  for (const auto* text : {"${}", "${:x}", "${1A}", "${A B}", "${A-b}", "${${SET}}"}) {
    CAPTURE(text);
    const auto result = substitute(text, variables);
    REQUIRE_FALSE(result);
    CHECK(result.error().contains("$${"));
  }
  const auto open = substitute("${SET", variables);
  REQUIRE_FALSE(open);
  CHECK(open.error().contains("no \"}\""));
}

TEST_CASE("config: the process environment knows what is set", "[config][environment]") {
  const auto environment = process_environment();
  CHECK(environment("PATH").has_value());
  CHECK_FALSE(environment("HOLDFAST_SURELY_NOT_SET").has_value());
}
