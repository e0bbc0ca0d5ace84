#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::postgres {

/// How to reach the server: libpq's keywords and values, ready for PQconnectStartParams.
struct Conninfo {
  std::vector<std::pair<std::string, std::string>> parameters;
  std::chrono::milliseconds connect_timeout{};  ///< The user's own, if the string has one.
  bool several_hosts = false;
};

/// Reads any libpq URL or key=value string and adds what it lacks: a name, keepalives, a limit for
/// unacknowledged data, no GSS round trip. Only client_encoding is forced: we send UTF-8.
/// No startup `options` of ours, because a pooler refuses them.
///
/// Errors:   refused, without a word of the string.
[[nodiscard]] std::expected<Conninfo, Failure> parse_conninfo(const DestinationConfig& config);

}  // namespace holdfast::postgres
