#include "postgres/inbox.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "postgres/inbox_columns.hpp"
#include "postgres/limits.hpp"

namespace holdfast::postgres {
namespace {

// One array a column. The rows are inserted in the order of the batch, so that of two entries with
// one key the earlier is stored.
constexpr std::string_view insert_format = R"sql(
INSERT INTO {}.inbox (id, source, dedupe_key, node, seq, received_at, method, target,
                      remote_address, content_type, headers, body, payload, flags, traceparent)
SELECT b.id, b.source, b.dedupe_key, $15::uuid, b.seq, b.received_at, b.method, b.target,
       b.remote_address, b.content_type, b.headers, b.body, b.payload,
       CASE WHEN b.unfit THEN '{{payload_unfit}}'::text[] ELSE '{{}}'::text[] END, b.traceparent
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::bytea[], $12::jsonb[],
            $13::boolean[], $14::text[])
  WITH ORDINALITY AS b(id, source, dedupe_key, seq, received_at, method, target, remote_address,
                       content_type, headers, body, payload, unfit, traceparent, ordinality)
ORDER BY b.ordinality {} RETURNING id)sql";

constexpr std::string_view find_format = R"sql(
SELECT EXISTS (SELECT FROM {0}.inbox i WHERE i.id = m.id),
       (SELECT i.id FROM {0}.inbox i WHERE i.source = m.source AND i.dedupe_key = m.dedupe_key)
FROM unnest($1::uuid[], $2::text[], $3::text[])
  WITH ORDINALITY AS m(id, source, dedupe_key, ordinality)
ORDER BY m.ordinality)sql";

/// Without its row nothing would keep an entry from being written twice.
const SqlError not_stored{"23000", "",
                          "table inbox did not store the row under its id: a trigger, a rule or a "
                          "policy of it keeps or changes rows",
                          false};

bool is_left_out(const Payload& payload, PayloadUse payload_use) {
  return payload.unfit || (payload_use == PayloadUse::none && payload.json);
}

/// What was added comes back in the order of the batch; whatever is not found so is looked for.
void find_added(const Rows& rows, std::span<const Entry> batch, std::vector<std::size_t>& added,
                std::vector<std::size_t>& missing) {
  int row = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const bool is_added =
        row < rows.size() && uuid_from_binary(rows.value(row, 0).value_or("")) == batch[i].id;
    (is_added ? added : missing).push_back(i);
    if (is_added) ++row;
  }
}

}  // namespace

Inbox::Inbox(const std::string& schema, const Uuid& node) : node_(to_binary(node)) {
  const std::string quoted = quote_identifier(schema);
  insert_sql_ = std::format(insert_format, quoted, "ON CONFLICT DO NOTHING");
  insert_strictly_sql_ = std::format(insert_format, quoted, "");
  find_sql_ = std::format(find_format, quoted);
}

InboxColumns Inbox::encode(std::span<const Entry> batch, std::span<const Payload> payloads,
                           PayloadUse payload_use) {
  HOLDFAST_CHECK(payloads.size() == batch.size(), "a payload for each entry");
  InboxColumns columns;
  std::size_t body_bytes = 0;
  for (const Entry& entry : batch) body_bytes += entry.body.size();
  columns.reserve(batch.size(), body_bytes);
  for (std::size_t i = 0; i < batch.size(); ++i)
    columns.add(batch[i], payloads[i], is_left_out(payloads[i], payload_use));
  return columns;
}

std::expected<Stored, PipelineError> Inbox::insert(
    Session& session, std::span<const std::string> begin, std::span<const Entry> batch,
    std::span<const Payload> payloads, PayloadUse payload_use, const InboxColumns& columns,
    SteadyTime deadline, const std::function<void()>& meanwhile) const {
  HOLDFAST_CHECK(columns.size() == batch.size(), "a row for each entry");
  Stored stored;
  for (const Payload& payload : payloads)
    stored.outcomes.push_back({std::nullopt, is_left_out(payload, payload_use)});
  const auto rows =
      session.run_behind(begin, insert_sql_, columns.parameters(node_), deadline, meanwhile);
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::size_t> missing;
  find_added(*rows, batch, stored.added, missing);
  if (missing.empty()) return stored;
  if (auto found = settle_missing(session, batch, payloads, missing, stored, deadline); !found)
    return std::unexpected(PipelineError{found.error(), begin.size(), false});
  return stored;
}

std::expected<void, SqlError> Inbox::settle_missing(Session& session, std::span<const Entry> batch,
                                                    std::span<const Payload> payloads,
                                                    std::span<const std::size_t> missing,
                                                    Stored& stored, SteadyTime deadline) const {
  BinaryArray ids{ElementType::uuid};
  BinaryArray sources{ElementType::text};
  BinaryArray keys{ElementType::text};
  for (const std::size_t i : missing) {
    ids.add(batch[i].id);
    sources.add(std::string_view(base::to_postgres_text(batch[i].source)));
    keys.add(batch[i].dedupe_key.transform(base::to_postgres_text));
  }
  const std::array parameters{Parameter{ids.bytes()}, Parameter{sources.bytes()},
                              Parameter{keys.bytes()}};
  const auto rows = session.run(find_sql_, parameters, true, deadline);
  if (!rows) return std::unexpected(rows.error());
  HOLDFAST_CHECK(rows->size() == static_cast<int>(missing.size()), "a row for each missing entry");
  InboxColumns refused;
  std::vector<std::size_t> refused_at;
  for (int row = 0; row < rows->size(); ++row) {
    const std::size_t i = missing[static_cast<std::size_t>(row)];
    if (rows->value(row, 0) == std::string_view("\1", 1)) continue;
    auto& outcome = stored.outcomes[i];
    outcome.duplicate_of = uuid_from_binary(rows->value(row, 1).value_or(""));
    if (outcome.duplicate_of) continue;
    refused.add(batch[i], payloads[i], outcome.payload_unfit);
    refused_at.push_back(i);
  }
  if (refused_at.empty()) return {};
  // Neither of our keys: DO NOTHING has swallowed another constraint. Without it the error says
  // which.
  const auto strict = session.run(insert_strictly_sql_, refused.parameters(node_), true, deadline);
  if (!strict) return std::unexpected(strict.error());
  for (int row = 0; row < static_cast<int>(refused_at.size()); ++row)
    if (row >= strict->size() || uuid_from_binary(strict->value(row, 0).value_or("")) !=
                                     batch[refused_at[static_cast<std::size_t>(row)]].id)
      return std::unexpected(not_stored);
  // The row in the way went meanwhile.
  stored.added.insert(stored.added.end(), refused_at.begin(), refused_at.end());
  std::ranges::sort(stored.added);
  return {};
}

}  // namespace holdfast::postgres
