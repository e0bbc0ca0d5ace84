#include "postgres/operations_whatsapp.hpp"

#include <array>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "postgres/operations_json.hpp"

namespace holdfast::postgres {
namespace {

constexpr std::string_view unknown_kind = "unknown";

using Text = std::optional<std::string>;

/// The string, unless it is empty.
Text text_of(const JsonValue& value) {
  auto text = value.string();
  return text && !text->empty() ? text : std::nullopt;
}

/// The string, if it can be a part of a key.
Text id_of(const JsonValue& value) {
  auto text = text_of(value);
  return text && text->size() <= operation_key_bytes_max ? text : std::nullopt;
}

/// Unix seconds, as a string or a number.
WallTime time_of(const JsonValue& value, WallTime otherwise) {
  const auto text = value.string().or_else([&] { return value.number(); });
  if (!text) return otherwise;
  std::int64_t seconds = 0;
  const char* end = text->data() + text->size();
  const auto result = std::from_chars(text->data(), end, seconds);
  if (result.ec != std::errc() || result.ptr != end) return otherwise;
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  return time >= whatsapp_time_begin && time < whatsapp_time_end ? WallTime(time) : otherwise;
}

Text joined(Text first, const Text& second) {
  if (!first || !second) return first ? first : second;
  return *first + ", " + *second;
}

Text interactive_text(const JsonValue& interactive) {
  for (const std::string_view reply : {"button_reply", "list_reply"})
    if (auto title = text_of(interactive[reply]["title"])) return title;
  return text_of(interactive["nfm_reply"]["body"]);
}

/// What a person would read of this message.
Text readable(const JsonValue& message, std::string_view kind) {
  const auto part = message[kind];
  if (kind == "text" || kind == "system") return text_of(part["body"]);
  if (kind == "button" || kind == "order") return text_of(part["text"]);
  if (kind == "reaction") return text_of(part["emoji"]);
  if (kind == "interactive") return interactive_text(part);
  if (kind == "location") return joined(text_of(part["name"]), text_of(part["address"]));
  return text_of(part["caption"]);
}

/// Files are found by their names and not by the type, so that a new type that carries one is no
/// loss.
Text media_of(const JsonValue& message) {
  static constexpr std::array<std::string_view, 5> names{"image", "video", "audio", "document",
                                                         "sticker"};
  std::string list;
  for (const auto name : names) {
    const auto object = message[name];
    const auto json = object.is_object() ? object.jsonb() : std::nullopt;
    if (json) list += (list.empty() ? "[" : ",") + *json;
  }
  return list.empty() ? std::nullopt : Text(list + "]");
}

struct Contact {
  std::string external_id;
  Text display_name;
  bool is_sender = false;
};

/// The people that one change names. A message finds its sender by id: contacts and messages are
/// two lists of their own, and neither their order nor their length need agree.
class People {
 public:
  explicit People(const JsonValue& contacts) {
    for (const auto& contact : contacts.elements()) {
      const auto number = id_of(contact["wa_id"]);
      const auto user_id = id_of(contact["user_id"]);
      if (!number && !user_id) continue;
      all_.push_back({number.value_or(user_id.value_or("")), text_of(contact["profile"]["name"])});
      if (number) by_id_.try_emplace(*number, all_.size() - 1);
      if (user_id) by_id_.try_emplace(*user_id, all_.size() - 1);
    }
  }

  /// Who sent this. Newer payloads may name a user by an id of the business's own in place of the
  /// number; where a contact ties it to a number, the number stays the id of the row.
  std::optional<Contact> sender(const JsonValue& message) {
    std::optional<Contact> found;
    for (const std::string_view name : {"from", "from_user_id", "user_id"}) {
      const auto id = id_of(message[name]);
      if (!id) continue;
      if (!found) found = {*id, std::nullopt};
      const auto known = by_id_.find(*id);
      if (known == by_id_.end()) continue;
      auto& contact = all_[known->second];
      contact.is_sender = true;
      return contact;
    }
    return found;
  }
  [[nodiscard]] const std::vector<Contact>& all() const { return all_; }

 private:
  std::vector<Contact> all_;
  std::map<std::string, std::size_t> by_id_;
};

class Mapper {
 public:
  explicit Mapper(const Entry& entry) : entry_(entry) {}

  OperationRows map() {
    const auto tape = JsonTape::read(entry_.body);
    if (!tape) return {};
    for (const auto& account : tape->root()["entry"].elements())
      for (const auto& change : account["changes"].elements()) add_change(change["value"]);
    return std::move(rows_);
  }

 private:
  void add_change(const JsonValue& value) {
    People people(value["contacts"]);
    for (const auto& message : value["messages"].elements()) add_message(message, people);
    for (const auto& status : value["statuses"].elements()) add_status(status);
    for (const auto& contact : people.all())
      if (!contact.is_sender) add_user(contact, entry_.received_at);
  }

  void add_user(const Contact& contact, WallTime seen_at) {
    rows_.users.push_back({std::string(whatsapp_provider), contact.external_id,
                           e164(contact.external_id), contact.display_name, seen_at, seen_at});
  }

  void add_message(const JsonValue& message, People& people) {
    const auto sent_at = time_of(message["timestamp"], entry_.received_at);
    const auto sender = people.sender(message);
    if (sender) add_user(*sender, sent_at);
    auto id = id_of(message["id"]);
    if (!id) return;
    const auto kind = text_of(message["type"]).value_or(std::string(unknown_kind));
    const auto context =
        kind == "reaction" ? message["reaction"]["message_id"] : message["context"]["id"];
    rows_.messages.push_back({std::string(whatsapp_provider), *std::move(id),
                              sender.transform([](const Contact& c) { return c.external_id; }),
                              "inbound", kind, readable(message, kind), media_of(message),
                              text_of(context), sent_at, message.jsonb(), entry_.id});
  }

  void add_status(const JsonValue& status) {
    auto id = id_of(status["id"]);
    auto word = id_of(status["status"]);
    const auto to = status["recipient_id"];
    auto recipient = id_of(to);
    // Another recipient's status must not pass for that of nobody.
    if (!id || !word || (!recipient && text_of(to))) return;
    const auto errors = status["errors"];
    rows_.statuses.push_back(
        {std::string(whatsapp_provider), *std::move(id), recipient.value_or(""), *std::move(word),
         time_of(status["timestamp"], entry_.received_at),
         errors.elements().empty() ? std::nullopt : errors.jsonb(), entry_.id});
  }

  const Entry& entry_;
  OperationRows rows_;
};

}  // namespace

OperationRows whatsapp_rows(const Entry& entry) {
  return Mapper(entry).map();
}

}  // namespace holdfast::postgres
