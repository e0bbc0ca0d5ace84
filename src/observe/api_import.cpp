#include <format>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/encoding.hpp"
#include "base/source_name.hpp"
#include "observe/api.hpp"

/// Entries of another outbox, as an export holds them, appended to this one.
namespace holdfast::observe::api {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds import_timeout{30};
constexpr std::size_t key_bytes_max = 512;

constexpr std::string_view import_prefix = "import:";

/// What is wrong with one member of one entry.
struct Fault {
  std::string field;
  std::string detail;
};
template <class T>
using Read = std::expected<T, Fault>;

std::unexpected<Fault> fault(std::string_view field, std::string_view detail) {
  return std::unexpected(Fault{std::string(field), std::string(detail)});
}

Read<std::string> text(const json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end() || !found->is_string()) return fault(name, "is missing or no text");
  return found->get<std::string>();
}

Read<std::optional<std::string>> text_or_null(const json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end() || found->is_null()) return std::nullopt;
  if (!found->is_string()) return fault(name, "is no text");
  return found->get<std::string>();
}

Read<std::vector<Header>> headers_of(const json& document) {
  const auto found = document.find("headers");
  if (found == document.end() || !found->is_array())
    return fault("headers", "is missing or no list");
  std::vector<Header> headers;
  for (const auto& pair : *found) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
      return fault("headers", "holds something else than a name and a value");
    headers.push_back({pair[0].get<std::string>(), pair[1].get<std::string>()});
  }
  return headers;
}

/// The key by which a second import of the same entry is known.
Read<std::string> key_of(const json& document, const Uuid& id) {
  const auto key = text_or_null(document, "dedupe_key");
  if (!key) return std::unexpected(key.error());
  if (!*key) return std::string(import_prefix) + id.to_string();
  if ((*key)->size() > key_bytes_max || (*key)->contains('\0'))
    return fault("dedupe_key", "is no key");
  return **key;
}

Read<std::string> body_of(const json& document) {
  const auto encoded = text(document, "body_base64");
  if (!encoded) return std::unexpected(encoded.error());
  auto body = base::from_base64(*encoded);
  if (!body) return fault("body_base64", "is no base64");
  const auto digest = text_or_null(document, "body_sha256");
  if (!digest) return std::unexpected(digest.error());
  const auto own = base::sha256(*body);
  const std::string_view bytes(reinterpret_cast<const char*>(own.data()), own.size());
  if (*digest && **digest != base::to_hex(bytes))
    return fault("body_base64", "is not what body_sha256 says");
  return *std::move(body);
}

Read<std::optional<std::int64_t>> order_hash_of(const json& document) {
  const auto hash = text_or_null(document, "order_hash");
  if (!hash) return std::unexpected(hash.error());
  if (!*hash) return std::nullopt;
  try {
    std::size_t used = 0;
    const std::int64_t value = std::stoll(**hash, &used);
    if (used == (*hash)->size()) return value;
  } catch (const std::exception&) {
    return fault("order_hash", "is no number");
  }
  return fault("order_hash", "is no number");
}

/// Throws nothing of its own; the first member that is wrong is the answer.
Read<NewEntry> entry_of(const json& document) {
  if (!document.is_object()) return fault("", "is no object");
  const auto id_text = text(document, "id");
  if (!id_text) return std::unexpected(id_text.error());
  const auto id = Uuid::parse(*id_text);
  if (!id) return fault("id", "is no UUID");
  const auto state = text(document, "state");
  if (!state) return std::unexpected(state.error());
  if (*state != "pending" && *state != "dead")
    return fault("state", "is neither pending nor dead: there is nothing to deliver");
  NewEntry entry;
  std::optional<Fault> wrong;
  const auto take = [&]<class T>(Read<T> read, auto& into) {
    if (wrong) return;
    if (!read) {
      wrong = read.error();
      return;
    }
    into = std::move(*read);
  };
  std::string received_at;
  take(text(document, "source"), entry.source);
  take(text(document, "received_at"), received_at);
  take(text(document, "method"), entry.method);
  take(text(document, "target"), entry.target);
  take(text(document, "remote_address"), entry.remote_address);
  take(text(document, "content_type"), entry.content_type);
  take(text_or_null(document, "traceparent"), entry.traceparent);
  take(headers_of(document), entry.headers);
  take(body_of(document), entry.body);
  take(key_of(document, *id), entry.dedupe_key);
  take(order_hash_of(document), entry.order_hash);
  if (wrong) return std::unexpected(*std::move(wrong));
  if (!base::is_source_name(entry.source)) return fault("source", "is no name of a source");
  const auto time = base::from_rfc3339(received_at);
  if (!time) return fault("received_at", "is no time");
  entry.received_at = *time;
  return entry;
}

std::expected<std::vector<NewEntry>, AdminAnswer> entries_of(const std::string& body) {
  const auto document = json::parse(body, nullptr, false);
  if (!document.is_object() || !document.contains("entries") || !document["entries"].is_array())
    return std::unexpected(problem(400, "The body is no JSON object with a list \"entries\"."));
  std::vector<NewEntry> entries;
  for (const auto& item : document["entries"]) {
    auto entry = entry_of(item);
    if (!entry) {
      const auto field = std::format("entries[{}]{}{}", entries.size(),
                                     entry.error().field.empty() ? "" : ".", entry.error().field);
      return std::unexpected(problem(
          400, std::format("{} {}; nothing was imported.", field, entry.error().detail), field));
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

/// Whether an entry that has no key of its own lies here already, under the id by which it was
/// exported: an export that comes back to its own outbox, or by way of another one.
std::expected<bool, Failure> is_at_home(Outbox& outbox, const NewEntry& entry) {
  const std::string_view key = *entry.dedupe_key;
  const auto id =
      key.starts_with(import_prefix) ? Uuid::parse(key.substr(import_prefix.size())) : std::nullopt;
  if (!id) return false;
  return outbox.find(*id).transform([](const auto& found) { return found.has_value(); });
}

}  // namespace

AdminAnswer import_entries(const Call& call) {
  auto entries = entries_of(call.request.body);
  if (!entries) return entries.error();
  Outbox& outbox = *call.context.operations.outbox;
  std::vector<AppendTicket> tickets;
  std::uint64_t imported = 0;
  std::uint64_t duplicates = 0;
  std::optional<Failure> failure;
  for (auto& entry : *entries) {
    const auto at_home = is_at_home(outbox, entry);
    if (!at_home) failure = at_home.error();
    if (!at_home) break;
    if (*at_home) ++duplicates;
    if (!*at_home) tickets.push_back(outbox.submit(std::move(entry)));
  }
  for (auto& ticket : tickets) {
    const auto appended = ticket.wait(import_timeout);
    if (!appended) failure = appended.error();
    if (appended) ++(appended->duplicate ? duplicates : imported);
  }
  const auto detail = std::format("{} imported, {} duplicates", imported, duplicates);
  if (imported > 0) {
    if (auto noted = outbox.note({0, {}, call.token_name, "import", "export", detail}); !noted)
      failure = noted.error();
    call.context.log({LogLevel::info,
                      "operator_change",
                      "An operator has changed something.",
                      {{"token", call.token_name},
                       {"action", "import"},
                       {"entries", std::to_string(imported)}}});
  }
  if (failure) return problem(*failure);
  return {200, json_type, json{{"imported", imported}, {"duplicates", duplicates}}.dump()};
}

}  // namespace holdfast::observe::api
