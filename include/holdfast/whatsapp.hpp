#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"
#include "holdfast/pool.hpp"
#include "holdfast/retry.hpp"

namespace pqxx {
class transaction_base;
}

/// WhatsApp's users and messages, stored as the relay stores them (docs/library.md).
namespace holdfast {

namespace postgres {
class OperationStatements;
}

/// The longest id, in bytes. 512, for an index of Postgres holds 2,704 a row and has room for other
/// columns then; WhatsApp's have under 100.
inline constexpr std::size_t whatsapp_id_bytes_max = 512;
/// The longest text or JSON of a field, in bytes. 16 MiB: a whole webhook has 3, and jsonb ends at
/// some 256.
inline constexpr std::size_t whatsapp_text_bytes_max = std::size_t{16} << 20U;

/// Somebody was seen on WhatsApp.
struct WhatsAppUser {
  /// The `wa_id`: the number without +, or an id of the business's own. 1 to 512 bytes. Not with +:
  /// it would be another row than the relay's.
  std::string external_id = {};
  /// E.164 with +, such as "+14155550100". None: taken from `external_id`, if that is a number.
  std::optional<std::string> phone_number = {};
  /// As the profile says. None or empty: a name that is known stays.
  std::optional<std::string> display_name = {};
  /// When, such as the time of a message of theirs. From 2000 to 2099; there is no default.
  WallTime seen_at{};
};

/// Which way a message went.
enum class MessageDirection : std::uint8_t {
  inbound,   ///< To the business.
  outbound,  ///< From the business.
};

/// A message that came in or was sent.
struct WhatsAppMessage {
  /// `messages[].id` of the webhook, or of the answer to a message that was sent ("wamid.…"): what
  /// the rows of message_statuses name, too. 1 to 512 bytes.
  std::string message_id = {};
  /// Who wrote it, or whom it was sent to: an `external_id` of a user, who need not be stored. 1 to
  /// 512 bytes, if given.
  std::optional<std::string> user_external_id = {};
  /// The relay writes inbound ones only.
  MessageDirection direction = MessageDirection::inbound;
  /// As WhatsApp calls it: text, image, reaction, …; not empty, up to 512 bytes.
  std::string kind = "text";
  /// What a person would read of it: text, caption, title of a reply, emoji. Empty: none.
  std::optional<std::string> text_body = {};
  /// A JSON array of WhatsApp's objects, such as `[{"id":"…","mime_type":"image/jpeg"}]`. Empty
  /// array: none.
  std::optional<std::string> media = {};
  /// The message that this one answers or reacts to. 1 to 512 bytes, if given.
  std::optional<std::string> context_message_id = {};
  /// From 2000 to 2099; there is no default.
  WallTime sent_at{};
  /// The message as WhatsApp has it, a JSON object.
  std::optional<std::string> raw = {};
  /// Row of `inbox` that it came from. None, if it came another way.
  std::optional<Uuid> entry_id = {};
};

/// Writes the tables `users` and `messages` that the relay fills with `write = "whatsapp"`, by its
/// own statements, so that it does not matter who was first: a program that takes webhooks itself
/// or sends messages may share the tables with a daemon.
///
/// Promise:  twice is like once, and any order ends in the same row: the first row of a message
///           stays; of a user the name and number of the newest sighting that has one, the earliest
///           and the latest time (docs/providers.md has the one exception). Nothing is sent of what
///           Postgres would refuse for its content.
/// Needs:    the tables (`holdfast migrate apply`, or a daemon), SELECT, INSERT and UPDATE on them.
///           A transaction that writes several: users before messages, as the relay does, each in
///           the byte order of their ids; otherwise two may wait for each other (40P01). READ
///           COMMITTED, Postgres's default; above it a row of a neighbour is a failure (40001).
/// Threads:  any, on transactions of their own.
/// Blocks:   as pqxx does, also for another transaction that has just written this row; on a pool
///           as with_db.
/// Errors:   Error of kind invalid before anything is sent, which names the field and the cure and
///           never the value; else what pqxx or with_db throws, unchanged.
class HOLDFAST_EXPORT WhatsAppOperations {
 public:
  /// Needs:    a schema of 1 to 63 bytes; else throws Error of kind invalid.
  explicit WhatsAppOperations(const std::string& schema = "holdfast");

  /// Stores a message in the caller's transaction, such as with what belongs to it.
  ///
  /// Promise:  true: the row is new. False: there was one, and it was left as it is.
  bool create_message(pqxx::transaction_base& transaction, const WhatsAppMessage& message) const;
  /// Stores a message in a transaction of its own and tries a lost connection again, a COMMIT in
  /// doubt too. Patient like with_db_critical, because what is given up here is a message that
  /// nobody else may have; who answers a person meanwhile passes RetryPolicy().
  ///
  /// Promise:  as above; false may also mean that a first try stored it and its answer was lost.
  bool create_message(Pool& pool, const WhatsAppMessage& message,
                      const RetryPolicy& policy = RetryPolicy::critical()) const;

  /// Stores what a sighting tells of a user, in the caller's transaction.
  void upsert_user(pqxx::transaction_base& transaction, const WhatsAppUser& user) const;
  /// The same in a transaction of its own, as patient as create_message.
  void upsert_user(Pool& pool, const WhatsAppUser& user,
                   const RetryPolicy& policy = RetryPolicy::critical()) const;

 private:
  std::shared_ptr<const postgres::OperationStatements> statements_;
};

}  // namespace holdfast
