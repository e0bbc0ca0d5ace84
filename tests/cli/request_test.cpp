#include <catch2/catch_test_macros.hpp>

#include "base/cursor.hpp"
#include "base/encoding.hpp"
#include "cli/app.hpp"
#include "cli/outbox_request.hpp"
#include "entry_fixture.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::cli::test;
using holdfast::base::Cursor;
using holdfast::base::parse_cursor;
using holdfast::base::to_text;
using namespace std::chrono_literals;

TEST_CASE("cli: a cursor reads back and nothing else is one", "[cli][cursor]") {
  for (const Cursor cursor :
       {Cursor{false, 1, 0}, Cursor{true, 42, 7}, Cursor{true, INT64_MAX, UINT32_MAX}})
    CHECK(parse_cursor(to_text(cursor)) == cursor);
  const std::string good = to_text(Cursor{false, 42, 0x1f});
  const auto hex = [](std::string_view text) { return base::to_hex(text); };
  CHECK(good == hex("n42.0000001f"));
  for (const std::string& text :
       {std::string(), std::string("x"), good + "30", good.substr(0, 2), hex("n-1.0000001f"),
        hex("n02.0000001f"), hex("n0.0000001f"), hex("x42.0000001f"), hex("n42.1f"), hex("n42"),
        hex("n42.0000001F"), hex("n42."), hex("n.0000001f"), hex("n99999999999999999999.0000001f"),
        hex("n42.00000001f")}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cursor(text));
  }
}

TEST_CASE("cli: a moment is RFC 3339 or how long ago", "[cli][request]") {
  const auto now = time_at("2026-11-23T22:00:00Z");
  CHECK(parse_moment("--since", "2026-11-23T21:00:00.5Z", now) == now - 1h + 500ms);
  CHECK(parse_moment("--since", "2026-11-23T23:00:00+02:00", now) == now - 1h);
  CHECK(parse_moment("--since", "24h", now) == now - 24h);
  CHECK(parse_moment("--since", "0s", now) == now);
  for (const auto* text :
       {"", "yesterday", "24", "-1h", "2026-11-23", "2026-13-01T00:00:00Z", "9223372036854775s"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_moment("--since", text, now), UsageError);
  }
}

TEST_CASE("cli: the arguments become a request", "[cli][request]") {
  const auto now = time_at("2026-11-23T22:00:00Z");
  const auto all = list_request({}, now);
  CHECK_FALSE(all.state);
  CHECK_FALSE(all.source);
  CHECK_FALSE(all.since);
  CHECK_FALSE(all.oldest_first);
  CHECK(all.limit == 50);
  ListArguments arguments;
  arguments.state = "dead";
  arguments.source = "a";
  arguments.key = "k";
  arguments.sqlstate = "23514";
  arguments.since = "2h";
  arguments.until = "1h";
  arguments.order = "oldest";
  arguments.order_given = true;
  arguments.limit = 7;
  ListRequest filters;
  filters.state = EntryState::dead;
  filters.source = "a";
  filters.dedupe_key = "k";
  filters.sqlstate = "23514";
  arguments.cursor = to_text(Cursor{true, 5, base::filters_digest(filters)});
  const auto some = list_request(arguments, now);
  CHECK(some.state == EntryState::dead);
  CHECK(some.source == "a");
  CHECK(some.dedupe_key == "k");
  CHECK(some.sqlstate == "23514");
  CHECK(some.since == now - 2h);
  CHECK(some.until == now - 1h);
  CHECK(some.oldest_first);
  CHECK(some.limit == 7);
  CHECK(some.beyond_seq == 5);
}

TEST_CASE("cli: a cursor keeps its order and is refused with the other", "[cli][request]") {
  ListArguments arguments;
  arguments.cursor = to_text(Cursor{true, 5, base::filters_digest({})});
  CHECK(list_request(arguments, {}).oldest_first);
  arguments.source = "a";
  CHECK_THROWS_AS(list_request(arguments, {}), UsageError);
  arguments.source.clear();
  arguments.order_given = true;
  CHECK_THROWS_AS(list_request(arguments, {}), UsageError);
  arguments.cursor = "rubbish";
  CHECK_THROWS_AS(list_request(arguments, {}), UsageError);
}
