#include "postgres/inbox.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <set>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "postgres/binary_array.hpp"
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

/// The columns of a batch as parameters.
class Columns {
 public:
  explicit Columns(const std::string& node) : node_(node) {}

  void add(const Entry& entry, const Payload& payload, bool unfit) {
    id_.add(entry.id);
    source_.add(std::string_view(base::to_postgres_text(entry.source)));
    dedupe_key_.add(text(entry.dedupe_key));
    seq_.add(entry.seq);
    received_at_.add(entry.received_at);
    method_.add(std::string_view(base::to_postgres_text(entry.method)));
    target_.add(std::string_view(base::to_postgres_text(entry.target)));
    remote_address_.add(unless_empty(entry.remote_address));
    content_type_.add(unless_empty(entry.content_type));
    headers_.add(std::string_view(headers_json(entry.headers)));
    body_.add(std::string_view(entry.body));
    if (unfit)
      payload_.add_null();
    else
      payload_.add(payload.json);
    unfit_.add(unfit);
    traceparent_.add(text(entry.traceparent));
  }

  [[nodiscard]] std::array<Parameter, 15> parameters() const {
    return {{{id_.bytes()},
             {source_.bytes()},
             {dedupe_key_.bytes()},
             {seq_.bytes()},
             {received_at_.bytes()},
             {method_.bytes()},
             {target_.bytes()},
             {remote_address_.bytes()},
             {content_type_.bytes()},
             {headers_.bytes()},
             {body_.bytes()},
             {payload_.bytes()},
             {unfit_.bytes()},
             {traceparent_.bytes()},
             {node_}}};
  }

 private:
  static std::optional<std::string> text(const std::optional<std::string>& bytes) {
    return bytes.transform([](const std::string& b) { return base::to_postgres_text(b); });
  }
  static std::optional<std::string> unless_empty(const std::string& bytes) {
    return bytes.empty() ? std::nullopt : std::optional(base::to_postgres_text(bytes));
  }

  const std::string& node_;
  BinaryArray id_{ElementType::uuid};
  BinaryArray source_{ElementType::text};
  BinaryArray dedupe_key_{ElementType::text};
  BinaryArray seq_{ElementType::bigint};
  BinaryArray received_at_{ElementType::timestamptz};
  BinaryArray method_{ElementType::text};
  BinaryArray target_{ElementType::text};
  BinaryArray remote_address_{ElementType::text};
  BinaryArray content_type_{ElementType::text};
  BinaryArray headers_{ElementType::jsonb};
  BinaryArray body_{ElementType::bytea};
  BinaryArray payload_{ElementType::jsonb};
  BinaryArray unfit_{ElementType::boolean};
  BinaryArray traceparent_{ElementType::text};
};

}  // namespace

Inbox::Inbox(const std::string& schema, const Uuid& node) : node_(to_binary(node)) {
  const std::string quoted = quote_identifier(schema);
  insert_sql_ = std::format(insert_format, quoted, "ON CONFLICT DO NOTHING");
  insert_strictly_sql_ = std::format(insert_format, quoted, "");
  find_sql_ = std::format(find_format, quoted);
}

std::expected<Stored, SqlError> Inbox::insert(Session& session, std::span<const Entry> batch,
                                              std::span<const Payload> payloads,
                                              PayloadUse payload_use, SteadyTime deadline) const {
  HOLDFAST_CHECK(payloads.size() == batch.size(), "a payload for each entry");
  Columns columns(node_);
  Stored stored;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const bool left_out = payload_use == PayloadUse::none && payloads[i].json;
    stored.outcomes.push_back({std::nullopt, payloads[i].unfit || left_out});
    columns.add(batch[i], payloads[i], stored.outcomes[i].payload_unfit);
  }
  const auto parameters = columns.parameters();
  const auto rows = session.run(insert_sql_, parameters, true, deadline);
  if (!rows) return std::unexpected(rows.error());
  std::set<Uuid> returned;
  for (int row = 0; row < rows->size(); ++row)
    if (const auto id = uuid_from_binary(rows->value(row, 0).value_or(""))) returned.insert(*id);
  std::vector<std::size_t> missing;
  // An id that stands twice in the batch was added once.
  for (std::size_t i = 0; i < batch.size(); ++i)
    (returned.erase(batch[i].id) > 0 ? stored.added : missing).push_back(i);
  if (missing.empty()) return stored;
  if (auto found = settle_missing(session, batch, payloads, missing, stored, deadline); !found)
    return std::unexpected(found.error());
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
  Columns refused(node_);
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
  const auto strict = session.run(insert_strictly_sql_, refused.parameters(), true, deadline);
  if (!strict) return std::unexpected(strict.error());
  // The row in the way went meanwhile.
  stored.added.insert(stored.added.end(), refused_at.begin(), refused_at.end());
  std::ranges::sort(stored.added);
  return {};
}

}  // namespace holdfast::postgres
