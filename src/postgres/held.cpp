#include "postgres/held.hpp"

#include <array>
#include <format>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "postgres/binary_array.hpp"
#include "postgres/command_session.hpp"
#include "postgres/limits.hpp"

namespace holdfast::postgres {
namespace {

constexpr std::string_view doing = "asking the inbox";

constexpr std::string_view held_format = R"sql(
SELECT EXISTS (SELECT FROM {0}.inbox i WHERE i.id = m.id)
    OR EXISTS (SELECT FROM {0}.inbox i WHERE i.source = m.source AND i.dedupe_key = m.dedupe_key)
FROM unnest($1::uuid[], $2::text[], $3::text[])
  WITH ORDINALITY AS m(id, source, dedupe_key, ordinality)
ORDER BY m.ordinality)sql";

}  // namespace

HeldLookup::HeldLookup(const DestinationConfig& config, const Clock& clock)
    : clock_(&clock),
      timeout_(config.deliver_timeout),
      sql_(std::format(held_format, quote_identifier(config.schema))),
      never_(std::make_unique<Interrupt>()) {}

std::expected<HeldLookup, Failure> HeldLookup::open(const DestinationConfig& config,
                                                    const Clock& clock) {
  const auto conninfo = parse_conninfo(config);
  if (!conninfo) return std::unexpected(conninfo.error());
  HeldLookup lookup(config, clock);
  auto session = Session::open(*conninfo, clock, *lookup.never_);
  if (!session)
    return std::unexpected(
        command_failure("connecting to Postgres", session.error(), Phase::connect));
  lookup.session_.emplace(std::move(*session));
  return lookup;
}

std::expected<std::vector<bool>, Failure> HeldLookup::ask(std::span<const HeldQuestion> questions) {
  if (questions.empty()) return std::vector<bool>();
  auto held = ask_in_transaction(questions, clock_->steady_now() + timeout_);
  if (!held) return std::unexpected(command_failure(doing, held.error(), Phase::query));
  return std::move(*held);
}

std::expected<std::vector<bool>, SqlError> HeldLookup::ask_in_transaction(
    std::span<const HeldQuestion> questions, SteadyTime deadline) {
  BinaryArray ids{ElementType::uuid};
  BinaryArray sources{ElementType::text};
  BinaryArray keys{ElementType::text};
  for (const auto& question : questions) {
    ids.add(question.id);
    sources.add(std::string_view(base::to_postgres_text(question.source)));
    keys.add(question.dedupe_key.transform(base::to_postgres_text));
  }
  if (const auto begun =
          session_->run(begin_statement(timeout_) + "; SET TRANSACTION READ ONLY", deadline);
      !begun)
    return std::unexpected(begun.error());
  const std::array parameters{Parameter{ids.bytes()}, Parameter{sources.bytes()},
                              Parameter{keys.bytes()}};
  const auto rows = session_->run(sql_, parameters, false, deadline);
  if (!rows) return std::unexpected(rows.error());
  if (const auto ended = session_->run("COMMIT", deadline); !ended)
    return std::unexpected(ended.error());
  HOLDFAST_CHECK(rows->size() == static_cast<int>(questions.size()), "a row for each question");
  std::vector<bool> held;
  for (int row = 0; row < rows->size(); ++row) held.push_back(rows->value(row, 0) == "t");
  return held;
}

}  // namespace holdfast::postgres
