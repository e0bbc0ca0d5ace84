// Errors of Postgres, poolers and libpq: a code (or none), a line end, a text.

#include <array>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "fuzz/target.hpp"
#include "postgres/classify.hpp"

namespace holdfast::fuzz {
namespace {

using namespace holdfast::postgres;

void check_shown(const std::string& text) {
  HOLDFAST_CHECK(base::is_utf8(text) && !text.contains('\0'), "what is kept is text");
  HOLDFAST_CHECK(text.size() <= 520, "what is kept is short");
}

void check_verdict(const Verdict& verdict, std::string_view sqlstate) {
  const auto kind = verdict.delivery_class;
  const bool link = kind == DeliveryClass::connection || kind == DeliveryClass::server;
  HOLDFAST_CHECK(!link || verdict.drop_session, "a link in doubt is not used again");
  HOLDFAST_CHECK(!verdict.in_doubt || verdict.drop_session, "doubt ends the session");
  const bool blames = kind == DeliveryClass::data || kind == DeliveryClass::foreign_key;
  HOLDFAST_CHECK(!blames || !sqlstate.empty(), "without a code no entry is blamed");
}

void check_classify(std::string_view input) {
  auto sqlstate = std::string(take_until(input, '\n'));
  if (sqlstate.size() != 5) sqlstate.clear();
  const auto line = input.substr(0, input.find('\n'));
  for (const auto phase : {Phase::connect, Phase::query, Phase::commit}) {
    const auto verdict = classify(sqlstate, line, phase);
    check_verdict(verdict, sqlstate);
    if (phase == Phase::commit && verdict.delivery_class == DeliveryClass::connection)
      HOLDFAST_CHECK(verdict.in_doubt, "a commit without an answer is in doubt");
    if (phase == Phase::connect) HOLDFAST_CHECK(verdict.drop_session, "there is no session yet");
  }
  for (const bool dead : {false, true}) check_verdict(classify_own(sqlstate, line, dead), sqlstate);
  const auto error = most_informative(input);
  HOLDFAST_CHECK(error.sqlstate.empty() || error.sqlstate.size() == 5,
                 "a code has five characters");
  HOLDFAST_CHECK(!error.message.empty() || !input.empty(), "there is always a reason");
  check_shown(error.message);
  check_shown(without_values(sqlstate, line));
  check_shown(without_names(line));
  check_shown(own_without_values(sqlstate, line, "INSERT INTO t VALUES ($1)"));
  // A value that an error quotes is a secret of the sender; a name tells of the network.
  if (line.contains("c4n4ry")) return;
  const auto quoted = std::string("invalid input: \"c4n4ry\" at ") + std::string(line);
  HOLDFAST_CHECK(!without_values("22P02", quoted).contains("c4n4ry"), "no value is kept");
  HOLDFAST_CHECK(!without_names(quoted).contains("c4n4ry"), "no name is kept");
  HOLDFAST_CHECK(!own_without_values("22P02", quoted, line).contains("c4n4ry"), "no value is kept");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("classify", holdfast::fuzz::check_classify);
