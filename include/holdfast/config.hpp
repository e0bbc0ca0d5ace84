#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/bytes.hpp"
#include "holdfast/destination_config.hpp"
#include "holdfast/ingress_config.hpp"
#include "holdfast/outbox_config.hpp"
#include "holdfast/secret.hpp"
#include "holdfast/source.hpp"

namespace holdfast {

/// Who may look and change through the admin listener.
struct AdminToken {
  std::string name;  ///< What the audit log shows; 1 to 64 letters, digits, `.`, `_`, `-` and `@`.
  Secret secret;     ///< What a client sends as its bearer token; visible ASCII, not empty.
  bool operator==(const AdminToken&) const = default;  ///< Both are the same.
};
/// The name of the one token of `admin.token = "…"`.
inline constexpr std::string_view unnamed_token = "admin";

/// The listener for health, metrics, the web page and the admin API.
struct AdminConfig {
  /// Where it listens. 127.0.0.1:9090, for whoever can log in to this machine; another port than
  /// that of the ingress. Beyond loopback needs a token, and everybody there reads the health.
  ListenAddress listen{"127.0.0.1", 9090};
  /// Who may read payloads and change entries; each name and each secret once. Empty: loopback
  /// only, and everybody there.
  std::vector<AdminToken> tokens;
};

/// How a line of the log looks.
enum class LogFormat {
  text,  ///< For people.
  json,  ///< For collectors: one object a line.
};

/// What the daemon writes to standard error.
struct LogConfig {
  /// The least level that is written: debug, info, warn or error. "info", which tells what changes
  /// and what fails. Lower: much text under load. Higher: retries and pauses go unseen.
  std::string level = "info";
  LogFormat format = LogFormat::text;  ///< Text; JSON where a collector reads it.
};

/// Something in a configuration that works and that its writer should know of.
struct ConfigWarning {
  std::uint32_t line = 0;  ///< 1 is the first; 0: no line.
  std::string key;         ///< Such as "destination.economy_window".
  std::string message;     ///< What comes of it; never a secret's value.
};

/// Everything that one daemon needs to know. Made by holdfast::config::load, or filled by hand.
struct Config {
  std::string origin = "built-in defaults";  ///< The file it was read from, for messages.
  std::vector<ConfigWarning> warnings;       ///< What is allowed and probably not meant.
  IngressConfig ingress;                     ///< `[ingress]`
  OutboxConfig outbox;                       ///< `[outbox]`
  DestinationConfig destination;             ///< `[destination]`
  AdminConfig admin;                         ///< `[admin]`
  LogConfig log;                             ///< `[log]`
  std::vector<SourceConfig> sources;         ///< `[[source]]`: 1 to 1,000, names and paths unique.
};

}  // namespace holdfast
