#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "support/http.hpp"
#include "support/sign.hpp"

/// Senders of all providers as they are in the world: each makes signed requests about things that
/// have a number, and tries and variants of them.
namespace holdfast::e2e {

inline constexpr std::array<std::string_view, 12> all_senders{
    "whatsapp", "twilio",   "stripe",   "github", "slack",      "shopify",
    "standard", "sendgrid", "telegram", "hmac",   "activities", "none"};

/// What is sent: of one number every try is the same write, every variant another body.
struct Sending {
  std::string_view sender;
  int number = 0;
  int variant = 0;
  int attempt = 0;  ///< Stripe counts in the body, and others sign anew.
  bool forged = false;
};

/// The keys of all senders.
class Senders {
 public:
  Senders();
  /// [[source]] tables for all of them, with operations, statements and order_by.
  [[nodiscard]] std::string sources() const;
  [[nodiscard]] support::HttpRequest request(const Sending& sending) const;
  /// The dedupe key that the daemon has to find; nullopt: none.
  [[nodiscard]] std::optional<std::string> key(const Sending& sending) const;
  /// The status of an accepted write.
  [[nodiscard]] static int accepted_status(std::string_view sender);
  [[nodiscard]] static std::string body(const Sending& sending);

 private:
  [[nodiscard]] support::HttpHeaders headers(const Sending& sending, const std::string& body) const;

  support::SigningKey sendgrid_key_;
};

/// The tables that the statements of sources() write to.
[[nodiscard]] std::string tables_of_senders();

/// The user, type and amount that a number stands for.
[[nodiscard]] std::string user_of(int number);
[[nodiscard]] std::string type_of(int number);

}  // namespace holdfast::e2e
