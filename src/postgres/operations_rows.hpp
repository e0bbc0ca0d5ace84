#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/entry.hpp"

/// What the built-in operations write, apart from where it comes from and how it is written. Pure.
/// Texts are UTF-8 without NUL and JSON texts are such that jsonb holds them: no row of these is
/// refused for its content.
namespace holdfast::postgres {

/// An index row of Postgres holds 2,704 bytes, and the key of a status has three parts. What has a
/// longer one is left to the inbox, because two ids cut to one beginning would become one row.
inline constexpr std::size_t operation_key_bytes_max = 512;

/// A user was seen: a row of users.
struct UserRow {
  std::string provider;
  std::string external_id;
  std::optional<std::string> phone_number;  ///< E.164 with +.
  std::optional<std::string> display_name;
  WallTime first_seen_at{};
  WallTime last_seen_at{};
};

/// A message: a row of messages.
struct MessageRow {
  std::string provider;
  std::string message_id;
  std::optional<std::string> user_external_id;
  std::string direction;
  std::string kind;
  std::optional<std::string> text_body;
  std::optional<std::string> media;  ///< JSON array.
  std::optional<std::string> context_message_id;
  WallTime sent_at{};
  std::optional<std::string> raw;  ///< JSON.
  std::optional<Uuid> entry_id;    ///< None of a message that did not come through an outbox.
};

/// What became of a message: a row of message_statuses.
struct StatusRow {
  std::string provider;
  std::string message_id;
  std::string recipient;
  std::string status;
  WallTime at{};
  std::optional<std::string> error;  ///< JSON.
  Uuid entry_id;
};

/// The rows of one entry or of many.
struct OperationRows {
  std::vector<UserRow> users;
  std::vector<MessageRow> messages;
  std::vector<StatusRow> statuses;

  void append(OperationRows other);
};

/// One row a key, sorted by key, so that one statement never meets a row twice and two sessions
/// never wait for each other. Of messages and statuses the first counts; of a user the newest
/// sighting that has a name or number (of the same time the greater one), and both ends of the
/// time.
[[nodiscard]] OperationRows merged(OperationRows rows);

/// "+" and the digits if they are a number of E.164, else nothing.
/// Source:   ITU-T E.164: at most 15 digits, and no country code begins with 0.
[[nodiscard]] std::optional<std::string> e164(std::string_view digits);

}  // namespace holdfast::postgres
