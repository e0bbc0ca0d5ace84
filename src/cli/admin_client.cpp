#include "cli/admin_client.hpp"

#include <httplib.h>

#include <exception>
#include <format>

namespace holdfast::cli {
namespace {

std::string_view cause_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection: return "nothing accepts connections there";
    case httplib::Error::ConnectionTimeout:
    case httplib::Error::Timeout: return "no answer in time";
    case httplib::Error::Read: return "the answer did not come, or not whole, in time";
    case httplib::Error::Write: return "the request could not be sent";
    default: return "the exchange failed";
  }
}

Failure unreachable(const std::string& url, std::string_view cause) {
  return {
      FailureKind::unavailable,
      std::format("asking the daemon at {}: {}; check that \"holdfast serve\" runs on this machine "
                  "and that admin.listen of this configuration is its own",
                  url, cause)};
}

}  // namespace

std::string admin_url(const ListenAddress& listen) {
  ListenAddress reachable = listen;
  if (listen.host == "0.0.0.0") reachable.host = "127.0.0.1";
  if (listen.host == "::") reachable.host = "::1";
  return "http://" + reachable.to_string();
}

Secret admin_token(const Config& config) {
  return config.admin.tokens.empty() ? Secret() : config.admin.tokens.front().secret;
}

std::expected<AdminReply, Failure> admin_get(const std::string& url, const std::string& path,
                                             const Secret& token,
                                             std::chrono::milliseconds timeout) {
  try {
    httplib::Client client(url);
    client.set_connection_timeout(timeout);
    client.set_read_timeout(timeout);
    client.set_write_timeout(timeout);
    client.set_max_timeout(timeout);
    httplib::Headers headers{{"Accept", "application/json"}, {"Connection", "close"}};
    if (!token.empty()) headers.emplace("Authorization", "Bearer " + token.reveal());
    const auto result = client.Get(path, headers);
    if (!result) return std::unexpected(unreachable(url, cause_of(result.error())));
    return AdminReply{result->status, result->body};
  } catch (const std::exception&) {
    // The library throws on a URL that it cannot read; its message may quote it.
    return std::unexpected(unreachable(url, "the address cannot be used"));
  }
}

}  // namespace holdfast::cli
