#include "wrapper/whatsapp_rows.hpp"

#include <format>
#include <string_view>
#include <utility>

#include "base/encoding.hpp"
#include "holdfast/failure.hpp"
#include "postgres/operations_json.hpp"
#include "postgres/operations_whatsapp.hpp"
#include "postgres/payload.hpp"

namespace holdfast::wrapper {
namespace {

static_assert(whatsapp_id_bytes_max == postgres::operation_key_bytes_max);

using Text = std::optional<std::string>;

/// Reads the fields of one struct; what is wrong with one is said with its name.
class Fields {
 public:
  explicit Fields(std::string_view doing) : doing_(doing) {}

  /// A part of a key, or what is compared with one.
  [[nodiscard]] std::string id(std::string_view field, const std::string& value) const {
    if (value.empty())
      refuse(field, "is empty", std::format("give 1 to {} bytes", whatsapp_id_bytes_max));
    if (value.size() > whatsapp_id_bytes_max)
      refuse(field, std::format("has {} bytes", value.size()),
             std::format("give 1 to {}", whatsapp_id_bytes_max));
    check_text(field, value);
    return value;
  }
  [[nodiscard]] Text id(std::string_view field, const Text& value) const {
    return value ? Text(id(field, *value)) : std::nullopt;
  }

  /// The id of a user. With a + the number would be a second user beside the relay's.
  [[nodiscard]] std::string user_id(std::string_view field, const std::string& value) const {
    if (value.starts_with('+'))
      refuse(field, "begins with +",
             "give the wa_id as WhatsApp has it, which of a number is its digits alone");
    return id(field, value);
  }

  /// No text and an empty one are the same, as in the relay.
  [[nodiscard]] Text text(std::string_view field, const Text& value) const {
    if (!value || value->empty()) return std::nullopt;
    check_length(field, *value);
    check_text(field, *value);
    return value;
  }

  [[nodiscard]] WallTime time(std::string_view field, WallTime value) const {
    if (value < postgres::whatsapp_time_begin || value >= postgres::whatsapp_time_end)
      refuse(field, "is not set, or outside of the years 2000 to 2099",
             "give the time as WhatsApp tells it, which counts in seconds");
    return value;
  }

  [[nodiscard]] Text phone_number(const WhatsAppUser& user) const {
    if (!user.phone_number) return postgres::e164(user.external_id);
    const std::string_view number = *user.phone_number;
    const auto fit = number.starts_with('+') ? postgres::e164(number.substr(1)) : std::nullopt;
    if (!fit)
      refuse("phone_number", "is no number of E.164",
             "give + and 2 to 15 digits, the country code first, or leave it out");
    return fit;
  }

  /// JSON as it was written, if jsonb holds it and it is such an array or object.
  [[nodiscard]] Text json(std::string_view field, const Text& value, bool array) const {
    if (!value) return std::nullopt;
    check_length(field, *value);
    const std::string_view kind = array ? "a JSON array" : "a JSON object";
    const auto tape = postgres::JsonTape::read(*value);
    if (!tape) refuse(field, "is no JSON, or has over a million values", give(kind));
    const auto root = tape->root();
    auto text = root.jsonb();
    if (!text)
      refuse(
          field,
          std::format("is JSON that jsonb cannot hold (not UTF-8, a NUL, a bare "
                      "control character, half a surrogate pair, a huge number, or over {} levels)",
                      postgres::payload_depth_max),
          "leave that part out");
    if (text->front() != (array ? '[' : '{')) refuse(field, "is other JSON", give(kind));
    return array && root.elements().empty() ? std::nullopt : text;
  }

 private:
  [[nodiscard]] static std::string give(std::string_view kind) {
    return std::format("give {} as WhatsApp has it, or leave it out", kind);
  }
  [[noreturn]] void refuse(std::string_view field, std::string_view cause,
                           std::string_view cure) const {
    throw Error({FailureKind::invalid, std::format("{}: {} {}; {}", doing_, field, cause, cure)});
  }
  void check_length(std::string_view field, const std::string& value) const {
    if (value.size() > whatsapp_text_bytes_max)
      refuse(field, std::format("has {} bytes", value.size()),
             std::format("give up to {}", whatsapp_text_bytes_max));
  }
  void check_text(std::string_view field, const std::string& value) const {
    if (value.contains('\0')) refuse(field, "holds a NUL", "leave it out");
    if (!base::is_utf8(value)) refuse(field, "is not UTF-8", "convert it");
  }

  std::string_view doing_;
};

}  // namespace

postgres::UserRow row_of(const WhatsAppUser& user) {
  const Fields fields("storing a WhatsApp user");
  const auto seen_at = fields.time("seen_at", user.seen_at);
  return {.provider = std::string(postgres::whatsapp_provider),
          .external_id = fields.user_id("external_id", user.external_id),
          .phone_number = fields.phone_number(user),
          .display_name = fields.text("display_name", user.display_name),
          .first_seen_at = seen_at,
          .last_seen_at = seen_at};
}

postgres::MessageRow row_of(const WhatsAppMessage& message) {
  const Fields fields("storing a WhatsApp message");
  const bool outbound = message.direction == MessageDirection::outbound;
  const auto user_id = [&](const std::string& id) {
    return fields.user_id("user_external_id", id);
  };
  return {.provider = std::string(postgres::whatsapp_provider),
          .message_id = fields.id("message_id", message.message_id),
          .user_external_id = message.user_external_id.transform(user_id),
          .direction = outbound ? "outbound" : "inbound",
          .kind = fields.id("kind", message.kind),
          .text_body = fields.text("text_body", message.text_body),
          .media = fields.json("media", message.media, true),
          .context_message_id = fields.id("context_message_id", message.context_message_id),
          .sent_at = fields.time("sent_at", message.sent_at),
          .raw = fields.json("raw", message.raw, false),
          .entry_id = message.entry_id};
}

}  // namespace holdfast::wrapper
