#include "base/entry_json.hpp"

#include "base/encoding.hpp"

namespace holdfast::base {
namespace {

using nlohmann::ordered_json;

ordered_json text_or_null(const std::optional<std::string>& text) {
  return text ? ordered_json(*text) : ordered_json(nullptr);
}

ordered_json id_or_null(const std::optional<Uuid>& id) {
  return id ? ordered_json(id->to_string()) : ordered_json(nullptr);
}

ordered_json headers_json(const std::vector<Header>& headers) {
  auto list = ordered_json::array();
  for (const auto& header : headers)
    list.push_back(
        ordered_json::array({to_postgres_text(header.name), to_postgres_text(header.value)}));
  return list;
}

ordered_json attempts_json(const std::vector<Attempt>& attempts) {
  auto list = ordered_json::array();
  for (const auto& attempt : attempts)
    list.push_back({{"at", to_rfc3339(attempt.at)},
                    {"sqlstate", attempt.sqlstate},
                    {"class", attempt.error_class},
                    {"error", attempt.error}});
  return list;
}

}  // namespace

ordered_json summary_json(const EntrySummary& entry, std::optional<bool> held) {
  const std::string_view digest(reinterpret_cast<const char*>(entry.body_sha256.data()),
                                entry.body_sha256.size());
  ordered_json document;
  document["id"] = entry.id.to_string();
  document["seq"] = entry.seq;
  document["source"] = entry.source;
  document["dedupe_key"] = text_or_null(entry.dedupe_key);
  document["state"] = to_string(entry.state);
  document["held"] = held ? ordered_json(*held) : ordered_json(nullptr);
  document["received_at"] = to_rfc3339(entry.received_at);
  document["settled_at"] =
      entry.settled_at ? ordered_json(to_rfc3339(*entry.settled_at)) : ordered_json(nullptr);
  document["body_bytes"] = entry.body_bytes;
  document["body_sha256"] = to_hex(digest);
  document["payload_kept"] = entry.payload_kept;
  document["reason"] = text_or_null(entry.reason);
  document["sqlstate"] = text_or_null(entry.sqlstate);
  document["constraint"] = text_or_null(entry.constraint);
  document["error"] = text_or_null(entry.error);
  document["duplicate_of"] = id_or_null(entry.duplicate_of);
  document["conflicts_with"] = id_or_null(entry.conflicts_with);
  document["replay_of"] = id_or_null(entry.replay_of);
  return document;
}

ordered_json entry_json(const Entry& entry, std::optional<bool> held) {
  auto document = summary_json(entry, held);
  document["method"] = to_postgres_text(entry.method);
  document["target"] = to_postgres_text(entry.target);
  document["remote_address"] = to_postgres_text(entry.remote_address);
  document["content_type"] = to_postgres_text(entry.content_type);
  document["traceparent"] = text_or_null(entry.traceparent);
  document["headers"] = entry.payload_kept ? headers_json(entry.headers) : ordered_json(nullptr);
  document["body_base64"] =
      entry.payload_kept ? ordered_json(to_base64(entry.body)) : ordered_json(nullptr);
  if (entry.payload_kept && is_utf8(entry.body)) document["body_text"] = entry.body;
  // As text: not every reader of JSON keeps 64 bits of a number.
  document["order_hash"] =
      entry.order_hash ? ordered_json(std::to_string(*entry.order_hash)) : ordered_json(nullptr);
  if (entry.payload_damaged) document["payload_damaged"] = true;
  document["attempts"] = attempts_json(entry.attempts);
  return document;
}

std::string document_text(const ordered_json& document) {
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace holdfast::base
