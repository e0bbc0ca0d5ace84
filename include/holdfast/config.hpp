#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/secret.hpp"
#include "holdfast/source.hpp"

namespace holdfast {

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;
inline constexpr std::uint64_t gib = 1024 * mib;

/// host:port of a listening socket. Port 0 lets the system choose one.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const ListenAddress&) const = default;
  [[nodiscard]] std::string to_string() const;  ///< "host:port", an IPv6 host in brackets.
  [[nodiscard]] bool is_loopback() const;       ///< 127.0.0.0/8, ::1 or "localhost".
};

struct IngressConfig {
  ListenAddress listen{"127.0.0.1", 8080};
  std::string public_url;  ///< What senders call; empty: taken from the request.
  std::uint64_t max_body_bytes = 4 * mib;
  std::uint32_t max_connections = 256;
  std::uint32_t max_open_connections = 16'384;
  std::uint32_t max_connections_per_address = 1024;
  std::uint32_t max_headers = 100;
  std::uint64_t max_header_bytes = 16 * kib;
  std::uint64_t max_uri_bytes = 8 * kib;
  std::uint64_t max_inflight_bytes = 256 * mib;
  std::chrono::milliseconds request_deadline{10'000};
  std::chrono::milliseconds keep_alive_timeout{30'000};
  std::chrono::milliseconds append_timeout{5'000};
  std::vector<std::string> trusted_proxies{"127.0.0.1/32"};  ///< CIDR blocks, validated.
};

struct OutboxConfig {
  std::string path = "holdfast.db";
  std::uint64_t max_size_bytes = 8 * gib;
  std::uint64_t disk_reserve_bytes = 256 * mib;
  std::chrono::milliseconds keep_delivered{std::chrono::hours(24)};
  std::chrono::milliseconds keep_discarded{std::chrono::hours(24 * 7)};
  std::chrono::milliseconds dedupe_window{std::chrono::hours(24)};
  bool allow_unsafe_filesystem = false;
};

/// When the relay drains: at once, or gathered so that an idle Neon wakes once a window.
enum class Drain { eager, economy };

struct DestinationConfig {
  std::uint32_t url_line = 0;  ///< Line of the file that has the URL, for messages; 0: none.
  Secret url;                  ///< Any libpq URL; empty: unconfigured.
  std::string schema = "holdfast";
  bool migrate = true;
  std::uint32_t connections = 1;
  Drain drain = Drain::eager;
  std::chrono::milliseconds economy_window{std::chrono::minutes(30)};
  std::chrono::milliseconds idle_close{10'000};
  std::uint32_t batch_entries = 1000;
  std::uint64_t batch_bytes = 4 * mib;
  std::chrono::milliseconds connect_timeout{15'000};
  std::chrono::milliseconds deliver_timeout{30'000};
  std::chrono::milliseconds backoff_initial{200};
  std::chrono::milliseconds backoff_max{30'000};
  std::chrono::milliseconds shutdown_timeout{10'000};
};

/// Who may look and change through the admin listener.
struct AdminToken {
  std::string name;  ///< What the audit log shows.
  Secret secret;
  bool operator==(const AdminToken&) const = default;
};
/// The name of the one token of `admin.token = "…"`.
inline constexpr std::string_view unnamed_token = "admin";

struct AdminConfig {
  ListenAddress listen{"127.0.0.1", 9090};
  std::vector<AdminToken> tokens;  ///< Empty: loopback only, and everybody there.
};

enum class LogFormat { text, json };

struct LogConfig {
  std::string level = "info";  ///< debug, info, warn or error.
  LogFormat format = LogFormat::text;
};

/// Something in a configuration that works and that its writer should know of.
struct ConfigWarning {
  std::uint32_t line = 0;  ///< 0: no line.
  std::string key;
  std::string message;
};

/// Everything that one daemon needs to know. Made by holdfast::config::load, or filled by hand.
struct Config {
  std::string origin = "built-in defaults";  ///< The file it was read from, for messages.
  std::vector<ConfigWarning> warnings;       ///< What is allowed and probably not meant.
  IngressConfig ingress;
  OutboxConfig outbox;
  DestinationConfig destination;
  AdminConfig admin;
  LogConfig log;
  std::vector<SourceConfig> sources;
};

}  // namespace holdfast
