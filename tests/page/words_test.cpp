// The page's own pure functions, run in the browser with the modules that are served.

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <format>

#include "fixture.hpp"

using namespace holdfast;
using nlohmann::json;

namespace {

constexpr std::int64_t now_ms = 1'800'000'000'000;  // 2027-01-15T08:00:00Z

json status_of(const std::string& state, int pending) {
  return {{"outbox",
           {{"pending", pending},
            {"oldest_pending_age_seconds", pending > 0 ? 240.0 : 0.0},
            {"bytes", 100},
            {"bytes_max", 1000},
            {"can_store", true}}},
          {"destination", {{"state", state}, {"last_error", nullptr}, {"retry_at", nullptr}}},
          {"relay", {{"paused", false}, {"paused_sources", json::array()}}}};
}

/// The value of an expression that may use the module as `m` and what is given as `given`.
json with_module(const page::Rig& rig, const std::string& module, const std::string& expression,
                 const json& given = nullptr) {
  return rig.browser.run(
      std::format("const given = arguments[0]; return import('/page/{}').then((m) => {})", module,
                  expression),
      json::array({given}));
}

std::string sentence(const page::Rig& rig, const json& status) {
  return with_module(rig, "sentence.js",
                     std::format("{{ const s = m.sentence(given, {}); "
                                 "return [s.tone + ':', s.lead, ...s.rest].join(' '); }}",
                                 now_ms),
                     status);
}

}  // namespace

TEST_CASE("page: each state has its sentence", "[page][words]") {
  page::Rig rig({.destination = false});
  rig.open();
  const std::string kept = "Writes are accepted and kept.";
  CHECK(sentence(rig, status_of("connected", 0)) ==
        "good: Postgres answers, and everything is delivered.");
  CHECK(sentence(rig, status_of("connected", 1)) ==
        "good: Postgres answers; 1 entry is on the way.");
  CHECK(sentence(rig, status_of("idle", 0)) ==
        "good: Everything is delivered; the connection to Postgres is closed until there is more.");

  for (const auto& [state, lead] :
       {std::pair{"idle",
                  "Nothing is pending; the connection to Postgres is closed until something is."},
        std::pair{"connected", "Postgres answers, and nothing is pending."}}) {
    auto dead = status_of(state, 0);
    dead["outbox"]["dead"] = 10;
    CHECK(sentence(rig, dead) == std::format("good: {} 10 entries are dead and wait for your "
                                             "decision.",
                                             lead));
    dead["outbox"]["dead"] = 1;
    CHECK(sentence(rig, dead).ends_with(" 1 entry is dead and waits for your decision."));
  }

  auto away = status_of("backing_off", 1204);
  away["destination"]["failing_since"] = "2027-01-15T07:56:00.000Z";
  away["destination"]["last_error"] = "Connection refused\n\tIs it running? ";
  away["destination"]["retry_at"] = "2027-01-15T08:00:12.000Z";
  CHECK(sentence(rig, away) ==
        "warn: Postgres has been away for 4 min: connection refused Is it running. "
        "Next try in 12 s. " +
            kept);
  away["destination"]["failing_since"] = "2027-01-15T07:59:30.000Z";
  away["destination"]["last_error"] = nullptr;
  CHECK(
      sentence(rig, away).starts_with("warn: Postgres has been away for 30 s. Next try in 12 s."));

  auto economy = status_of("idle", 12);
  economy["destination"]["retry_at"] = "2027-01-15T08:20:00.000Z";
  CHECK(sentence(rig, economy) ==
        "calm: Gathering 12 entries; Postgres is woken in 20 min. " + kept);

  auto refused = status_of("paused", 5);
  refused["relay"] = {{"paused", true}, {"pause_reason", "configuration"}};
  refused["destination"]["last_error"] = "42P01 relation \"inbox\" does not exist";
  CHECK(
      sentence(rig, refused) ==
      "bad: Delivery is paused: Postgres refuses what Holdfast asks for: 42P01 relation \"inbox\" "
      "does not exist. " +
          kept);
  refused["relay"]["pause_reason"] = "operator";
  CHECK(sentence(rig, refused) ==
        "warn: Delivery is paused by an operator, until somebody resumes it. " + kept);

  auto full = status_of("backing_off", 5);
  full["destination"]["failing_since"] = "2027-01-15T07:56:00.000Z";
  full["outbox"]["can_store"] = false;
  full["outbox"]["cannot_store_reason"] = "the outbox is full";
  CHECK(sentence(rig, full) ==
        "bad: Postgres has been away for 4 min. Writes are refused with 503: the outbox is full.");

  auto source = status_of("connected", 0);
  source["relay"]["paused_sources"] = json::array({json::object(), json::object()});
  CHECK(sentence(rig, source) ==
        "warn: Postgres answers, and everything is delivered. 2 sources are paused.");
  source["outbox"]["pending"] = 11;
  CHECK(sentence(rig, source) ==
        "warn: Postgres answers; 11 entries are pending. 2 sources are paused.");
}

TEST_CASE("page: durations, sizes, rates and the forecast read well", "[page][words]") {
  page::Rig rig({.destination = false});
  rig.open();
  CHECK(with_module(rig, "format.js", "given.map(m.duration)",
                    {0, 12.4, 119, 120, 3599, 3600, 12'000, 86'400, 100'000, 864'000'00}) ==
        json{"0 s", "12 s", "119 s", "2 min", "59 min", "1 h", "3 h 20 min", "1 d", "1 d 3 h",
             "1000 d"});
  CHECK(with_module(rig, "format.js", "given.map(m.bytes)",
                    {0, 1023, 1024, 1536, 150'000, 1'288'490'188}) ==
        json{"0 B", "1023 B", "1 KiB", "1.5 KiB", "146 KiB", "1.2 GiB"});
  // The zone of the browser is shown, since the log and the commands have UTC.
  CHECK(with_module(rig, "format.js", "given.map((n) => m.zone({ getTimezoneOffset: () => n }))",
                    {0, -120, 210}) == json{"UTC", "UTC+2", "UTC-3:30"});
  CHECK(rig.browser.text("#entries thead").contains("(UTC"));
  CHECK(with_module(rig, "format.js", "given.map(m.rate)", {0, 0.001, 0.25, 12.44, 1500}) ==
        json{"0/s", "<0.01/s", "0.25/s", "12.4/s", "1,500/s"});
  auto status = status_of("connected", 0);
  const auto forecast = [&](const json& seconds) {
    status["forecast"] = {{"full_in_seconds", seconds}, {"limited_by", "max_size"}};
    const auto told = with_module(rig, "sentence.js", "m.forecast(given)", status);
    return told.at("tone").get<std::string>() + ": " + told.at("text").get<std::string>();
  };
  CHECK(forecast(nullptr) == "calm: not growing");
  status["rates"] = {{"window_seconds", 20}};
  CHECK(forecast(nullptr) == "calm: known after a minute");
  status["rates"]["window_seconds"] = 60;
  CHECK(forecast(nullptr) == "calm: not growing");
  CHECK(forecast(200'000) == "calm: full in 2 d 7 h");
  CHECK(forecast(50'000) == "calm: full in 13 h 53 min");
  CHECK(forecast(12'000) == "warn: full in 3 h 20 min");
  CHECK(forecast(3'000) == "bad: full in 50 min");
}

TEST_CASE("page: a browser whose clock is wrong shows the daemon's times", "[page][words]") {
  page::Rig rig({.destination = false});
  rig.open();
  const auto offset_after = [&](std::int64_t ahead) {
    return with_module(rig, "overview.js",
                       "{ m.set_clock(new Date(Date.now() + given).toISOString()); "
                       "return m.daemon_now() - Date.now(); }",
                       ahead)
        .get<double>();
  };
  CHECK(offset_after(0) == 0);
  CHECK(offset_after(-1'000) == 0);
  CHECK(std::abs(offset_after(3'600'000) - 3'600'000) < 1'000);
  CHECK(std::abs(offset_after(-3'600'000) + 3'600'000) < 1'000);
  CHECK(offset_after(100) == 0);
}

TEST_CASE("page: JSON is indented with every token as it was sent", "[page][words]") {
  page::Rig rig({.destination = false});
  rig.open();
  const auto pretty = [&](const std::string& text) {
    return with_module(rig, "json_text.js", "m.pretty_json(given)", text);
  };
  CHECK(pretty(R"({"a":12345678901234567890.10,"a":[],"b":{},"c":[1,{"d":"x\"{,}: \u0041"}]})") ==
        "{\n  \"a\": 12345678901234567890.10,\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n"
        "    {\n      \"d\": \"x\\\"{,}: \\u0041\"\n    }\n  ]\n}");
  CHECK(pretty(" [ ] ") == "[]");
  CHECK(pretty("\"text\"") == "\"text\"");
  CHECK(pretty("{not json}").is_null());
  CHECK(pretty("").is_null());
  CHECK(with_module(rig, "json_text.js", "m.pretty_json(given, 10)", "[[[1,2,3]],4]") ==
        "[\n  [\n    [");
  CHECK(with_module(rig, "json_text.js", "m.hex_dump(Uint8Array.from(given))",
                    {0x48, 0x69, 0xff, 0x00}) ==
        std::format("000000  {:24} {:24} Hi..", "48 69 ff 00", ""));
}

TEST_CASE("page: a letter that is not seen is named, and one that a script needs stays",
          "[page][words][hostile]") {
  page::Rig rig({.destination = false});
  rig.open();
  const auto visible = [&](const std::string& text) {
    return with_module(rig, "dom.js", "m.visible(given).textContent", text).get<std::string>();
  };
  CHECK(visible("a\u202Eb\u200B\x1B") == "aU+202EbU+200BU+001B");
  CHECK(visible("tags \U000E0041\U000E0042, a filler \u3164") ==
        "tags U+E0041U+E0042, a filler U+3164");
  const std::string needed = "line\r\nnext\t\u05E9 \U0001F468\u200D\U0001F469 \u2764\uFE0F";
  CHECK(visible(needed) == needed);
  // A lone CR turns back to the begin of the line; behind 2,000 letters it is marked alone.
  std::string many;
  for (int n = 0; n < 2'001; ++n) many += "\x01";
  CHECK(visible(many + "\r\n\r!").ends_with("U+0001\uFFFD\r\n\uFFFD!"));
}

TEST_CASE("page: the stream is read whatever its pieces are", "[page][words]") {
  page::Rig rig({.destination = false});
  rig.open();
  const std::string stream =
      ": hello\n\nevent: status\r\ndata: {\"a\":1}\r\n\r\nevent: status\ndata: x\ndata: "
      "y\n\nevent: s";
  for (const int size : {1, 3, 1000}) {
    const auto events = with_module(
        rig, "api.js",
        std::format(
            "{{ const seen = []; let rest = ''; for (let i = 0; i < given.length; i += {0}) "
            "rest = m.take_events(rest + given.slice(i, i + {0}), "
            "(name, data) => seen.push([name, data])); return [seen, rest]; }}",
            size),
        stream);
    CHECK(events == json::parse(R"([[["status","{\"a\":1}"],["status","x\ny"]],"event: s"])"));
  }
}
