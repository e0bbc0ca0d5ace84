#include "cli/import_lines.hpp"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "holdfast/entry.hpp"

namespace holdfast::cli {
namespace {

using nlohmann::json;

const std::string* text_in(const json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_string()) return nullptr;
  return &found->get_ref<const std::string&>();
}

bool are_headers(const json& document) {
  const auto found = document.find("headers");
  if (found == document.end() || !found->is_array()) return false;
  return std::ranges::all_of(*found, [](const json& header) {
    return header.is_array() && header.size() == 2 && header[0].is_string() &&
           header[1].is_string();
  });
}

/// Why it is no entry with a payload; nullopt if it is one.
std::optional<std::string> fault_of(const json& document) {
  const auto damaged = document.find("payload_damaged");
  if (damaged != document.end() && *damaged != false)
    return "its payload is damaged: it is not what was accepted";
  const auto* body = text_in(document, "body_base64");
  if (body == nullptr) return "it has no body_base64: its payload was removed";
  const auto bytes = base::from_base64(*body);
  if (!bytes) return "body_base64 is no base64";
  const auto* digest = text_in(document, "body_sha256");
  if (digest == nullptr || *digest != base::sha256_hex(*bytes))
    return "the body does not fit body_sha256: the line was changed";
  if (!are_headers(document)) return "headers are no list of names and values";
  for (const auto* key : {"method", "target"})
    if (text_in(document, key) == nullptr) return std::format("it has no {}", key);
  const auto* received = text_in(document, "received_at");
  if (received == nullptr || !base::from_rfc3339(*received)) return "received_at is no time";
  return std::nullopt;
}

}  // namespace

std::optional<ImportLine> LineReader::next() {
  ImportLine line{++number_, {}, false};
  bool any = false;
  // Byte by byte: a zero inside of a line must not hide where it ends.
  for (int byte = ::getc_unlocked(stream_); byte != EOF; byte = ::getc_unlocked(stream_)) {
    any = true;
    if (byte == '\n') return line;
    line.too_long = line.too_long || line.text.size() >= import_line_bytes_max;
    if (!line.too_long) line.text += static_cast<char>(byte);
  }
  if (!any || failed()) return std::nullopt;
  return line;
}

std::expected<ImportEntry, std::string> read_import_line(std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return std::unexpected("this is no JSON");
  if (!document.is_object()) return std::unexpected("this is no JSON object");
  const auto* id = text_in(document, "id");
  if (id == nullptr || !Uuid::parse(*id)) return std::unexpected("it has no id of an entry");
  const auto* source = text_in(document, "source");
  if (source == nullptr || source->empty()) return std::unexpected("it has no source");
  const auto* state_text = text_in(document, "state");
  const auto state = state_text == nullptr ? std::nullopt : parse_entry_state(*state_text);
  if (!state) return std::unexpected("it has no state of an entry");
  if (*state == EntryState::delivered || *state == EntryState::discarded)
    return ImportEntry{true, {}};
  if (auto fault = fault_of(document)) return std::unexpected(*std::move(fault));
  // The same bytes once more, for people.
  document.erase("body_text");
  ImportEntry entry{false, document.dump()};
  if (entry.document.size() > import_document_bytes_max)
    return std::unexpected(
        std::format("it has {} bytes, more than one request can carry", entry.document.size()));
  return entry;
}

}  // namespace holdfast::cli
