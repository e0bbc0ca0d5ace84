#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/source.hpp"

namespace holdfast::postgres {

/// What `holdfast doctor` asks a server. Nothing is changed, no table is read.
struct ServerFacts {
  int version = 0;           ///< 170002
  std::string version_text;  ///< "17.2"
  std::chrono::milliseconds round_trip{};
  std::chrono::milliseconds clock_ahead{};  ///< Of the server before ours; half a round trip vague.
  bool is_local = false;                    ///< A Unix socket, or a loopback address.
  bool has_tls = false;
  std::string tls_version;
  std::string sslmode;  ///< In force, by the URL or by libpq's variables.
  std::string user;
  bool read_only = false;  ///< A standby, or transactions are read-only.
  std::string synchronous_commit;
  bool fsync = true;
  bool schema_exists = false;
  bool inbox_exists = false;
  bool can_create = false;         ///< A table in the schema, or the schema where there is none.
  std::vector<std::string> lacks;  ///< "INSERT on inbox"; of the tables that exist.
  std::vector<std::string> missing_tables;
  std::vector<std::string> unfit;  ///< "inbox has no column body"; of the tables that exist.
};

/// Blocks:   connect_timeout + deliver_timeout.
/// Errors:   refused, unavailable.
[[nodiscard]] std::expected<ServerFacts, Failure> look_at_server(const DestinationConfig& config,
                                                                 bool uses_operations,
                                                                 const Clock& clock);

}  // namespace holdfast::postgres
