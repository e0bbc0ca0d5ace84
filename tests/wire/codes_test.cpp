#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string_view>

#include "rig.hpp"

namespace holdfast::wire {
namespace {

/// What a code must come to at one place.
struct Reaction {
  DeliveryClass delivery_class;
  bool in_doubt = false;
};
using enum DeliveryClass;
constexpr Reaction link{connection};
constexpr Reaction busy{server};
constexpr Reaction clash{contention};
constexpr Reaction slow{timeout};
constexpr Reaction entry{data};
constexpr Reaction parent{foreign_key};
constexpr Reaction pause{config};
constexpr Reaction bug{defect};
// Inside COMMIT: it may be stored.
constexpr Reaction link_doubt{connection, true};
constexpr Reaction busy_doubt{server, true};
constexpr Reaction bug_doubt{defect, true};

struct Row {
  std::string_view sqlstate;
  Reaction login;  ///< Also at BEGIN: no entry was sent, so none can be blamed.
  Reaction inbox;
  Reaction statement;  ///< A source's own one.
  Reaction commit;
  std::string_view severity = "ERROR";
  std::string_view text = "no text that says anything";
};

/// Every code that may come, by what the relay must do. Where a source's own statement differs from
/// our insert, decision 0004 says why.
constexpr std::array rows{
    // The link.
    Row{"08000", link, link, pause, link_doubt},
    Row{"08001", link, link, pause, link_doubt},
    Row{"08003", link, link, pause, link_doubt},
    Row{"08004", link, link, pause, link_doubt},
    Row{"08006", link, link, pause, link_doubt},
    Row{"08007", link, link_doubt, pause, link_doubt},
    Row{"08P01", link, link, pause, link_doubt},
    Row{"08006", link, link, link, link_doubt, "FATAL"},
    // Features, roles.
    Row{"0A000", pause, pause, pause, pause},
    Row{"0A000", link, link, pause, link_doubt, "ERROR", "cached plan must not change result type"},
    Row{"0B000", pause, pause, pause, pause},
    Row{"0L000", pause, pause, pause, pause},
    Row{"0LP01", pause, pause, pause, pause},
    Row{"0P000", pause, pause, pause, pause},
    Row{"20000", bug, bug, entry, bug_doubt},
    Row{"21000", bug, bug, entry, bug_doubt},
    // Values.
    Row{"22000", busy, entry, entry, entry},
    Row{"22001", busy, entry, entry, entry},
    Row{"22003", busy, entry, entry, entry},
    Row{"22007", busy, entry, entry, entry},
    Row{"22008", busy, entry, entry, entry},
    Row{"22012", busy, entry, entry, entry},
    Row{"22021", busy, entry, entry, entry},
    Row{"22023", busy, entry, entry, entry},
    Row{"22023", pause, pause, entry, pause, "ERROR", "invalid value for parameter \"x\": \"y\""},
    Row{"22P02", busy, entry, entry, entry},
    Row{"22P03", bug, bug, entry, bug_doubt},
    Row{"22P04", busy, entry, entry, entry},
    Row{"22P05", busy, entry, entry, entry},
    // Constraints.
    Row{"23000", busy, entry, entry, entry},
    Row{"23001", busy, entry, entry, entry},
    Row{"23502", busy, entry, entry, entry},
    Row{"23503", busy, parent, parent, parent},
    Row{"23505", busy, entry, entry, entry},
    Row{"23514", busy, entry, entry, entry},
    Row{"23P01", busy, entry, entry, entry},
    // The state of the transaction or the session.
    Row{"25000", bug, bug, pause, bug_doubt},
    Row{"25001", bug, bug, pause, bug_doubt},
    Row{"25006", busy, busy, pause, busy_doubt},
    Row{"25P01", bug, bug, pause, bug_doubt},
    Row{"25P02", bug, bug, pause, bug_doubt},
    Row{"25P03", link, link, link, link_doubt, "FATAL"},
    Row{"25P04", link, link, link, link_doubt, "FATAL"},
    Row{"26000", link, link, pause, link_doubt},
    Row{"42P05", link, link, pause, link_doubt},
    // Who may.
    Row{"28000", pause, pause, pause, pause, "FATAL"},
    Row{"28P01", pause, pause, pause, pause, "FATAL"},
    Row{"42501", pause, pause, pause, pause},
    // Functions and cursors.
    Row{"2BP01", pause, pause, pause, pause},
    Row{"2D000", pause, pause, pause, pause},
    Row{"2F000", pause, pause, pause, pause},
    Row{"34000", pause, pause, pause, pause},
    Row{"38000", pause, pause, entry, pause},
    Row{"39000", pause, pause, entry, pause},
    Row{"3B000", pause, pause, pause, pause},
    Row{"P0000", busy, entry, entry, entry},
    Row{"P0001", busy, entry, entry, entry},
    Row{"P0002", busy, entry, entry, entry},
    Row{"P0003", busy, entry, entry, entry},
    Row{"P0004", busy, entry, entry, entry},
    // What is not there, or is another.
    Row{"3D000", pause, pause, pause, pause, "FATAL"},
    Row{"3F000", pause, pause, pause, pause},
    Row{"42000", pause, pause, pause, pause},
    Row{"42601", pause, pause, entry, pause},
    Row{"42602", pause, pause, entry, pause},
    Row{"42622", pause, pause, entry, pause},
    Row{"42703", pause, pause, pause, pause},
    Row{"42704", pause, pause, pause, pause},
    Row{"42804", pause, pause, pause, pause},
    Row{"42883", pause, pause, pause, pause},
    Row{"42P01", pause, pause, pause, pause},
    Row{"42P10", pause, pause, pause, pause},
    Row{"42P18", pause, pause, pause, pause},
    // Rolled back for others.
    Row{"40000", clash, clash, clash, clash},
    Row{"40001", clash, clash, clash, clash},
    Row{"40002", clash, clash, clash, clash},
    Row{"40003", link, link_doubt, entry, link_doubt},
    Row{"40P01", clash, clash, clash, clash},
    Row{"44000", busy, entry, entry, entry},
    Row{"55P03", clash, clash, clash, clash},
    // The server has not enough of something.
    Row{"53000", busy, busy, busy, busy_doubt},
    Row{"53100", busy, busy, busy, busy_doubt, "ERROR",
        "could not extend file because project size limit (512 MB) has been exceeded"},
    Row{"53200", busy, busy, busy, busy_doubt},
    Row{"53300", busy, busy, busy, busy_doubt, "FATAL"},
    Row{"53400", busy, busy, busy, busy_doubt},
    Row{"54000", busy, entry, entry, entry},
    Row{"54001", busy, entry, entry, entry},
    Row{"54011", busy, entry, entry, entry},
    Row{"54023", busy, entry, entry, entry},
    // The state of objects, and operators.
    Row{"55000", busy, busy, pause, busy_doubt},
    Row{"55006", busy, busy, pause, busy_doubt},
    Row{"55P02", busy, busy, pause, busy_doubt},
    Row{"57000", busy, busy, entry, busy_doubt},
    Row{"57014", busy, slow, slow, slow},
    Row{"57P01", link, link, link, link_doubt, "FATAL"},
    Row{"57P02", busy, busy, busy, busy_doubt, "FATAL"},
    Row{"57P03", busy, busy, busy, busy_doubt, "FATAL"},
    Row{"57P04", pause, pause, pause, pause, "FATAL"},
    Row{"57P05", link, link, link, link_doubt, "FATAL"},
    // The server itself.
    Row{"58000", busy, busy, pause, busy_doubt},
    Row{"58030", busy, busy, pause, busy_doubt},
    Row{"58030", busy, busy, busy, busy_doubt, "PANIC"},
    Row{"58P01", busy, busy, pause, busy_doubt},
    Row{"72000", busy, busy, clash, busy_doubt},
    Row{"F0000", pause, pause, pause, pause},
    Row{"HV000", busy, busy, pause, busy_doubt},
    Row{"XX000", busy, busy, entry, busy_doubt},
    Row{"XX000", busy, busy, busy, busy_doubt, "FATAL"},
    Row{"XX001", pause, pause, pause, pause},
    Row{"XX002", pause, pause, pause, pause},
    // An answer about an entry, it seems, but it ended the session: none is blamed for that.
    Row{"22P02", busy, busy, busy, busy_doubt, "FATAL"},
    Row{"23503", busy, busy, busy, busy_doubt, "FATAL"},
    Row{"23514", busy, busy, busy, busy_doubt, "FATAL"},
    Row{"P0001", busy, busy, busy, busy_doubt, "FATAL"},
    // Nobody knows them. Of no class of PostgreSQL: a trigger's author made them up.
    Row{"01000", busy, busy, entry, busy_doubt},
    Row{"57999", busy, busy, busy, busy_doubt},
    Row{"45000", busy, entry, entry, entry},
    Row{"ZZ999", busy, busy, busy, busy_doubt, "FATAL"},
};

bool ends_session(const Row& row, const DeliveryFailure& failure) {
  return row.severity != "ERROR" || failure.in_doubt || failure.delivery_class == connection ||
         failure.delivery_class == server || failure.delivery_class == defect ||
         row.sqlstate.starts_with("25");
}

void check(Rig& rig, const Row& row, Place place, const Reaction& expected) {
  CAPTURE(row.sqlstate, row.severity, row.text, static_cast<int>(place));
  const Fault fault{
      .error = {std::string(row.severity), std::string(row.sqlstate), std::string(row.text)}};
  const auto failure = failure_at(rig, place, fault);
  CHECK(to_string(failure.delivery_class) == to_string(expected.delivery_class));
  CHECK(failure.in_doubt == expected.in_doubt);
  CHECK(failure.slow_start == (row.sqlstate == "53300" || row.sqlstate == "53400"));
  const bool own = place == Place::statement;
  if (own) CHECK(failure.source == "written");
  if (place == Place::login || place == Place::begin || place == Place::inbox)
    CHECK(failure.source.empty());
  if (place != Place::login && place != Place::begin && !own)
    CHECK(failure.session_lost == ends_session(row, failure));
}

}  // namespace

TEST_CASE("wire: an answer about an entry that is the last of its session blames none",
          "[wire][codes]") {
  Rig rig;
  for (const std::string sqlstate : {"23514", "23503", "22P02", "P0001", "XX000", "45000"})
    for (const Place place : {Place::inbox, Place::describe, Place::statement, Place::commit}) {
      CAPTURE(sqlstate, static_cast<int>(place));
      Fault fault = support::answers(sqlstate, "no");
      fault.kind = Fault::Kind::error_and_close;
      const auto failure = failure_at(rig, place, fault);
      CHECK(to_string(failure.delivery_class) == "server");
      CHECK(failure.session_lost);
      CHECK(failure.in_doubt == (place == Place::commit));
    }
}

TEST_CASE("wire: every code at login and at BEGIN blames no entry", "[wire][codes]") {
  Rig rig;
  for (const auto& row : rows)
    for (const Place place : {Place::login, Place::begin}) check(rig, row, place, row.login);
}

TEST_CASE("wire: every code out of the insert into inbox comes to its class", "[wire][codes]") {
  Rig rig;
  for (const auto& row : rows) check(rig, row, Place::inbox, row.inbox);
}

TEST_CASE("wire: every code out of a source's own statement comes to its class and names it",
          "[wire][codes]") {
  Rig rig;
  for (const auto& row : rows) check(rig, row, Place::statement, row.statement);
}

TEST_CASE("wire: every code out of COMMIT comes to its class, or leaves a doubt", "[wire][codes]") {
  Rig rig;
  for (const auto& row : rows) check(rig, row, Place::commit, row.commit);
}

}  // namespace holdfast::wire
