#include "cli/entry_text.hpp"

#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "entry_fixture.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::cli::test;

namespace {

constexpr auto is_gone = [](const EntrySummary& entry) { return entry.source == "gone"; };

}  // namespace

TEST_CASE("cli: a list is an aligned table", "[cli][entry]") {
  const std::vector<EntrySummary> entries{dead_entry(), pending_entry()};
  CHECK(list_text(entries, is_gone, {}) ==
        "ID                                    STATE    SOURCE  RECEIVED                  BYTES  "
        "KEY  ERROR\n"
        "0190a0b0-0000-7000-8000-000000000007  dead     twilio  2026-11-23T22:29:22.123Z      7  "
        "SM1  "
        "data_error 23514 inbox_check new row violates check\n"
        "0190a0b0-0000-7000-8000-000000000008  pending  gone    2026-11-23T22:31:00.000Z  12345  - "
        "   "
        "held: no such source\n");
}

TEST_CASE("cli: an empty list says so", "[cli][entry]") {
  CHECK(list_text({}, is_gone, {}) == "no entries\n");
}

TEST_CASE("cli: a terminal gets lines of its own width", "[cli][entry]") {
  auto long_key = dead_entry();
  long_key.dedupe_key = std::string(512, 'k');
  const std::vector<EntrySummary> entries{long_key, pending_entry()};
  for (const std::size_t width : {20U, 80U, 132U}) {
    std::istringstream lines(list_text(entries, is_gone, {.width = width}));
    for (std::string line; std::getline(lines, line);) CHECK(columns(line) <= width);
  }
  const auto wide = list_text(entries, is_gone, {.width = 500});
  CHECK(wide.contains(std::string(39, 'k') + "…  data_error"));
  CHECK(list_text(entries, is_gone, {}).contains(std::string(512, 'k')));
}

TEST_CASE("cli: only the state is coloured, and only where colour is wanted", "[cli][entry]") {
  const std::vector<EntrySummary> entries{dead_entry()};
  CHECK(list_text(entries, is_gone, {.width = 200, .colour = true})
            .contains("  \x1b[31mdead\x1b[0m  "));
  CHECK_FALSE(list_text(entries, is_gone, {.width = 200}).contains('\x1b'));
  // Too narrow for the state: no half of an escape code.
  CHECK_FALSE(list_text(entries, is_gone, {.width = 39, .colour = true}).contains('\x1b'));
}

TEST_CASE("cli: a hostile key or error cannot drive the terminal", "[cli][entry]") {
  auto entry = dead_entry();
  entry.dedupe_key = "\x1b[2Jkey\n";
  entry.error = "\x1b]0;x\x07";
  entry.source = "\x1b[31m";
  entry.reason = "\x9b";
  const std::vector<EntrySummary> entries{entry};
  const auto text = list_text(entries, is_gone, {}) + entry_text(entry, false);
  for (const char c : text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  CHECK_FALSE(text.contains('\x9b'));
}

TEST_CASE("cli: one entry is shown with headers and attempts", "[cli][entry]") {
  CHECK(entry_text(dead_entry(), false) ==
        "id              0190a0b0-0000-7000-8000-000000000007\n"
        "seq             7\n"
        "state           dead\n"
        "why             data_error 23514 inbox_check new row violates check\n"
        "source          twilio\n"
        "key             SM1\n"
        "received        2026-11-23T22:29:22.123Z\n"
        "settled         2026-11-23T22:30:00.000Z\n"
        "request         POST /api/twilio/webhook?x=1\n"
        "from            127.0.0.1\n"
        "content type    application/x-www-form-urlencoded\n"
        "body            7 bytes, sha256 "
        "8e85be58c1c372ac29fe7bfa80d8ddcbd04a4032c7b51c1c026d67c55b1ab23f; --body prints it\n"
        "header          Host: h\n"
        "header          X-Odd: \\xff\\x1b[0m\n"
        "attempt         2026-11-23T22:29:59.000Z data 23514 new row violates check\n");
}

TEST_CASE("cli: duplicates, conflicts and receipts are explained", "[cli][entry]") {
  auto entry = dead_entry();
  entry.state = EntryState::delivered;
  entry.reason.reset();
  entry.sqlstate.reset();
  entry.constraint.reset();
  entry.error.reset();
  entry.duplicate_of = pending_entry().id;
  entry.payload_kept = false;
  CHECK(entry_text(entry, false).contains("why             duplicate of 0190a0b0-"));
  CHECK(entry_text(entry, false).contains("; removed, this is its receipt"));
  // A receipt knows no request: there is no empty line for it.
  entry.method.clear();
  entry.target.clear();
  CHECK_FALSE(entry_text(entry, false).contains("request"));
  entry.duplicate_of = std::nullopt;
  entry.conflicts_with = pending_entry().id;
  CHECK(entry_text(entry, false).contains("why             conflicts with 0190a0b0-"));
  entry.state = EntryState::pending;
  CHECK(entry_text(entry, true).contains("why             held: no such source"));
}
