#include "config/keys.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <fstream>
#include <sstream>

using namespace holdfast::config;

TEST_CASE("config: a misspelled key gets the nearest one", "[config][keys]") {
  CHECK(unknown_key_message("ingress", "max_bdy") == "unknown key; did you mean \"max_body\"?");
  CHECK(unknown_key_message("ingress", "max_boyd") == "unknown key; did you mean \"max_body\"?");
  CHECK(unknown_key_message("ingress", "max-body") == "unknown key; did you mean \"max_body\"?");
  CHECK(unknown_key_message("ingress", "Listen") == "unknown key; did you mean \"listen\"?");
  CHECK(unknown_key_message("source", "secret") == "unknown key; did you mean \"secrets\"?");
  CHECK(unknown_key_message("destination", "batchentries") ==
        "unknown key; did you mean \"batch_entries\"?");
}

TEST_CASE("config: a key of another section says where it belongs", "[config][keys]") {
  CHECK(unknown_key_message("ingress", "dedupe_window") == "unknown key; it belongs in [outbox]");
  CHECK(unknown_key_message("log", "schema") == "unknown key; it belongs in [destination]");
}

TEST_CASE("config: a key near nothing gets the list", "[config][keys]") {
  CHECK(unknown_key_message("log", "zzzzzz") == "unknown key; known here: level, format");
  CHECK(unknown_key_message("log", "") == "unknown key; known here: level, format");
  CHECK(
      unknown_key_message("log", std::string(10'000, 'l')).starts_with("unknown key; known here"));
}

TEST_CASE("config: a key of a statement says where it belongs", "[config][keys]") {
  CHECK(unknown_key_message("source", "statement") ==
        "unknown key; it belongs in a statement of write = [{ … }]");
  CHECK(unknown_key_message("write", "provider") == "unknown key; it belongs in [[source]]");
  CHECK(unknown_key_message("write", "params") ==
        "unknown key; known here: statement, parameters, when");
  CHECK(unknown_key_message("write", "parameter") == "unknown key; did you mean \"parameters\"?");
}

TEST_CASE("config: every key is in docs/configuration.md", "[config][docs]") {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/docs/configuration.md");
  std::stringstream text;
  text << file.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  for (const auto& table : key_tables()) {
    CHECK(text.str().contains(table.section));
    for (const auto key : table.keys) {
      CAPTURE(table.section, key);
      CHECK(text.str().contains(std::format("\n| `{}` |", key)));
    }
  }
}
