#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::cli {

/// An answer of the admin listener.
struct AdminReply {
  int status = 0;
  std::string body;
};

/// The URL by which this machine reaches the listener: a wildcard address becomes loopback.
[[nodiscard]] std::string admin_url(const ListenAddress& listen);

/// The token that this configuration has for its own commands: the first one.
[[nodiscard]] Secret admin_token(const Config& config);

/// GETs `path` of `url` ("http://host:port").
///
/// Blocks:   at most `timeout` for the whole exchange.
/// Errors:   unavailable, with what to check.
[[nodiscard]] std::expected<AdminReply, Failure> admin_get(const std::string& url,
                                                           const std::string& path,
                                                           const Secret& token,
                                                           std::chrono::milliseconds timeout);

}  // namespace holdfast::cli
