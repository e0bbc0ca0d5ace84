#include "config/writes.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;

namespace {

/// A source with this value of `write`, which begins at line 4.
std::string writing(std::string_view value, std::string_view provider = "none") {
  const bool verified = provider != "none";
  return source("a", provider,
                std::format("write = {}{}", value, verified ? "\nsecrets = \"x\"" : ""));
}

std::string errors_of_write(std::string_view value) {
  return errors_of(writing(value));
}

/// The errors of one statement, which stands in line 4.
std::string errors_of_statement(std::string_view inside) {
  return errors_of_write(std::format("[{{ {} }}]", inside));
}

std::string list_of(std::size_t count, std::string_view element) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list += std::string(element) + ',';
  return '[' + list + ']';
}

}  // namespace

TEST_CASE("config: built-in operations are named", "[config][write]") {
  const auto config = parse_text(writing("\"twilio\""));
  REQUIRE(config);
  CHECK(config->sources[0].operations == Operations::twilio);
  CHECK(config->sources[0].statements.empty());
  CHECK(parse_text(writing("\"whatsapp\""))->sources[0].operations == Operations::whatsapp);
  CHECK(parse_text(one_source)->sources[0].operations == Operations::none);
  CHECK(errors_of_write("\"whatsap\"") ==
        "holdfast.toml:4: source[a].write: \"whatsap\" is not known; did you mean \"whatsapp\"?");
  CHECK(errors_of_write("\"none\"").contains("known here: whatsapp, twilio"));
  CHECK(errors_of_write("\"\"").contains("known here: whatsapp, twilio"));
}

TEST_CASE("config: operations at a provider with other payloads are warned of",
          "[config][write][warning]") {
  for (const auto* provider : {"none", "bearer", "hmac", "whatsapp"})
    CHECK(warnings_of(writing("\"whatsapp\"", provider)).empty());
  CHECK(warnings_of(writing("\"whatsapp\"", "twilio")) ==
        "warning: holdfast.toml:4: source[a].write: \"whatsapp\" understands what provider "
        "\"whatsapp\" sends, and this one is \"twilio\": its entries will be in inbox alone; did "
        "you mean \"twilio\"?");
  CHECK(warnings_of(writing("\"twilio\"", "github")).contains("write statements: [{ statement"));
}

TEST_CASE("config: statements are read with parameters, condition and line", "[config][write]") {
  const auto config = parse_text(writing(R"toml([
  { statement = "UPDATE counters SET n = n + 1" },
  { statement = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)",
    parameters = ["", "/a/0", "header:X-Id", "form:Body", "entry:id", "entry:received_at"],
    when = "/type=message" },
])toml"));
  REQUIRE(config);
  const auto& statements = config->sources[0].statements;
  REQUIRE(statements.size() == 2);
  CHECK(statements[0].statement == "UPDATE counters SET n = n + 1");
  CHECK(statements[0].parameters.empty());
  CHECK(statements[0].when.empty());
  CHECK(statements[0].line == 5);
  CHECK(statements[1].parameters.size() == 6);
  CHECK(statements[1].when == "/type=message");
  CHECK(statements[1].line == 6);
  CHECK(config->sources[0].operations == Operations::none);
}

TEST_CASE("config: statements may be tables of their own", "[config][write]") {
  const auto config = parse_text(source("a", "none", R"toml([[source.write]]
statement = """
  INSERT INTO t (a)
  VALUES ($1)
"""
parameters = "/a"
[[source.write]]
statement = 'SELECT 1'
when = "")toml") + source("b", "none"));
  REQUIRE(config);
  const auto& statements = config->sources[0].statements;
  REQUIRE(statements.size() == 2);
  CHECK(statements[0].parameters == std::vector<std::string>{"/a"});
  CHECK(statements[0].line == 5);
  CHECK(statements[1].when.empty());
  CHECK(config->sources[1].statements.empty());
}

TEST_CASE("config: write of another shape says how to write it", "[config][write]") {
  CHECK(errors_of_write("1") ==
        "holdfast.toml:4: source[a].write: is an integer; write \"whatsapp\", \"twilio\" or a list "
        "of statements: [{ statement = \"INSERT …\", parameters = [\"/id\"] }]");
  CHECK(errors_of_write("{ statement = \"SELECT 1\" }").contains("source[a].write: is a table;"));
  CHECK(errors_of_write("[]").contains("source[a].write: is an empty list; remove it"));
  CHECK(errors_of_write("[\"SELECT 1\"]") ==
        "holdfast.toml:4: source[a].write[0]: is a string; write { statement = \"INSERT …\", "
        "parameters = [\"/id\"] }");
  CHECK(errors_of_write(list_of(32, "{statement=\"SELECT 1\"}")) == "ok");
  CHECK(errors_of_write(list_of(33, "{statement=\"SELECT 1\"}")) ==
        "holdfast.toml:4: source[a].write: has 33 statements; write 32 at most");
}

TEST_CASE("config: every fault of a statement has its line and key", "[config][write]") {
  CHECK(
      errors_of_write(R"toml([
  { statement = "SELECT $1", parameters = ["/id"] },
  { statement = "SELECT $1, $2, $3",
    parameters = ["/id",
      "header:", "id"],
    when = "/type", x = 1 },
])toml") ==
      R"toml(holdfast.toml:8: source[a].write[1].parameters[1]: "header:" names no header; write it such as header:X-Request-Id
holdfast.toml:8: source[a].write[1].parameters[2]: "id" selects nothing; write a JSON pointer such as /id, "" for the whole payload, header:NAME, form:NAME, entry:id, entry:received_at or entry:source
holdfast.toml:9: source[a].write[1].x: unknown key; known here: statement, parameters, when
holdfast.toml:9: source[a].write[1].when: "/type" compares nothing; write SELECTOR=TEXT such as /type=message)toml");
}

TEST_CASE("config: a statement must be there and be one statement", "[config][write]") {
  CHECK(errors_of_statement("parameters = []")
            .contains("source[a].write[0].statement: is missing; write { statement"));
  CHECK(errors_of_statement("statement = 1").contains("write[0].statement: is an integer"));
  for (const auto* sql :
       {"", "SELECT 1; SELECT 2", "DROP TABLE t", "SELECT (1", "SELECT 'a", "SELECT $2"}) {
    CAPTURE(sql);
    const auto errors = errors_of_statement(std::format("statement = \"{}\"", sql));
    CHECK(errors.starts_with("holdfast.toml:4: source[a].write[0].statement: "));
    CHECK_FALSE(errors.contains('\n'));
  }
  const std::string filler(64 * 1024 - 11, ' ');
  CHECK(errors_of_statement(std::format("statement = \"SELECT 1{}   \"", filler)) == "ok");
  CHECK(errors_of_statement(std::format("statement = \"SELECT 1{}    \"", filler))
            .contains("is longer than 64KiB; move the work into a function"));
}

TEST_CASE("config: there is one parameter for each $n", "[config][write]") {
  const auto with = [](std::string_view sql, std::string_view parameters) {
    return errors_of_statement(std::format("statement = \"{}\", parameters = {}", sql, parameters));
  };
  CHECK(with("SELECT $1, $2, $1", "[\"/a\", \"/b\"]") == "ok");
  CHECK(with("SELECT $1, $2", "[\"/a\"]") ==
        "holdfast.toml:4: source[a].write[0].parameters: has 1 value, and the statement uses $1 to "
        "$2; write one value for each");
  CHECK(with("SELECT $1", "[\"/a\", \"/b\"]").contains("has 2 values, and the statement uses $1;"));
  CHECK(with("SELECT 1", "[\"/a\"]").contains("has 1 value, and the statement uses no $1"));
  CHECK(errors_of_statement("statement = \"SELECT $1\"")
            .contains("source[a].write[0].parameters: has 0 values"));
  CHECK(with("SELECT $1", "1").contains("write[0].parameters: is an integer"));
  CHECK(with("SELECT $1", "[1]") ==
        "holdfast.toml:4: source[a].write[0].parameters[0]: is an integer; write a string in "
        "quotes");
  // $1 inside of a literal is text.
  CHECK(with("SELECT '$1'", "[]") == "ok");
}

TEST_CASE("config: a statement has at most 100 parameters", "[config][write]") {
  std::string sql = "SELECT $1";
  for (int i = 2; i <= 100; ++i) sql += std::format(", ${}", i);
  const auto with = [](const std::string& text, std::size_t count) {
    return errors_of_statement(
        std::format("statement = \"{}\", parameters = {}", text, list_of(count, "\"/a\"")));
  };
  CHECK(with(sql, 100) == "ok");
  CHECK(with(sql + ", $101", 101).contains("has 101 values; write 100 at most"));
  const std::string longest = "/" + std::string(1023, 'x');
  CHECK(errors_of_statement(
            std::format("statement = \"SELECT $1\", parameters = [\"{}\"]", longest)) == "ok");
  CHECK(
      errors_of_statement(std::format("statement = \"SELECT $1\", parameters = [\"{}x\"]", longest))
          .contains("parameters[0]: is longer than 1024 bytes"));
  CHECK(errors_of_statement(std::format("statement = \"SELECT 1\", when = \"{}=x\"", longest))
            .contains("when: is longer than 1024 bytes"));
}

TEST_CASE("config: variables are replaced in statements, and SQL's own signs stay",
          "[config][write]") {
  const auto config = parse_text(writing(R"toml([
  { statement = "INSERT INTO ${TABLE} VALUES ($1, $$ a $1 $$, $t$ $t$, '$${x}')",
    parameters = ["/${FIELD:id}"], when = "header:${HEADER}=${VALUE}" }
])toml"),
                                 {{"TABLE", "app.t"}, {"HEADER", "X-Kind"}, {"VALUE", "a=b"}});
  REQUIRE(config);
  const auto& write = config->sources[0].statements[0];
  CHECK(write.statement == "INSERT INTO app.t VALUES ($1, $$ a $1 $$, $t$ $t$, '${x}')");
  CHECK(write.parameters[0] == "/id");
  CHECK(write.when == "header:X-Kind=a=b");
  CHECK(errors_of_statement("statement = \"SELECT ${NOPE}\"") ==
        "holdfast.toml:4: source[a].write[0].statement: variable NOPE is not set and has no "
        "default; set it, or write ${NOPE:default}");
}
