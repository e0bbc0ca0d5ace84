#pragma once

#include <chrono>
#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::cli {

/// An answer of the admin listener.
struct AdminReply {
  int status = 0;
  std::string body;
};

/// Why the daemon did not do what it was asked.
struct AdminRefusal {
  int status = 0;  ///< Of its answer; 0: there was none.
  std::string message;
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

/// Tells the daemon of `config` to change something: POSTs `body`, which is JSON or empty, to
/// `path`, and gives the JSON object of its answer.
///
/// Blocks:   at most `timeout`. After that the daemon may still do it.
/// Errors:   the daemon's own reason where it gave one, else what to check.
[[nodiscard]] std::expected<nlohmann::json, AdminRefusal> admin_post(
    const Config& config, const std::string& path, const std::string& body,
    std::chrono::milliseconds timeout);

/// What an answer that is not 200 means, in words: the `detail` of problem+json, or what to check.
[[nodiscard]] std::string refusal_text(const AdminReply& reply);

/// For the path or the query of a URL.
[[nodiscard]] std::string url_encoded(std::string_view text);

}  // namespace holdfast::cli
