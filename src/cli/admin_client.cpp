#include "cli/admin_client.hpp"

#include <httplib.h>

#include <exception>
#include <format>
#include <nlohmann/json.hpp>

namespace holdfast::cli {
namespace {

using nlohmann::json;

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

/// One exchange; `send` makes the request with the client and the headers it is given.
template <class F>
std::expected<AdminReply, Failure> exchange(const std::string& url, const Secret& token,
                                            std::chrono::milliseconds timeout, F&& send) {
  try {
    httplib::Client client(url);
    client.set_connection_timeout(timeout);
    client.set_read_timeout(timeout);
    client.set_write_timeout(timeout);
    client.set_max_timeout(timeout);
    httplib::Headers headers{{"Accept", "application/json"}, {"Connection", "close"}};
    if (!token.empty()) headers.emplace("Authorization", "Bearer " + token.reveal());
    const httplib::Result result = send(client, headers);
    if (!result) return std::unexpected(unreachable(url, cause_of(result.error())));
    return AdminReply{result->status, result->body};
  } catch (const std::exception&) {
    // The library throws on a URL that it cannot read; its message may quote it.
    return std::unexpected(unreachable(url, "the address cannot be used"));
  }
}

/// The detail of problem+json; empty if there is none.
std::string detail_of(const std::string& body) {
  const auto problem = json::parse(body, nullptr, false);
  if (!problem.is_object()) return {};
  for (const auto* key : {"detail", "title"}) {
    const auto found = problem.find(key);
    if (found == problem.end() || !found->is_string()) continue;
    auto text = found->get<std::string>();
    // Something follows in the line.
    if (text.ends_with('.')) text.pop_back();
    if (!text.empty()) return text;
  }
  return {};
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
  return exchange(url, token, timeout,
                  [&](httplib::Client& client, const httplib::Headers& headers) {
                    return client.Get(path, headers);
                  });
}

std::expected<json, AdminRefusal> admin_post(const Config& config, const std::string& path,
                                             const std::string& body,
                                             std::chrono::milliseconds timeout) {
  const std::string url = admin_url(config.admin.listen);
  const auto reply = exchange(url, admin_token(config), timeout,
                              [&](httplib::Client& client, const httplib::Headers& headers) {
                                return client.Post(path, headers, body, "application/json");
                              });
  if (!reply) return std::unexpected(AdminRefusal{0, reply.error().message});
  auto document = json::parse(reply->body, nullptr, false);
  if (reply->status == 200 && document.is_object()) return document;
  return std::unexpected(AdminRefusal{reply->status, refusal_text(*reply)});
}

std::string refusal_text(const AdminReply& reply) {
  if (reply.status == 401 || reply.status == 403)
    return "the token was not accepted; check admin.token of this configuration";
  const auto detail = detail_of(reply.body);
  if (!detail.empty()) return std::format("{} (status {})", detail, reply.status);
  if (reply.status == 404)
    return "there is no such page; check that admin.listen is the admin address of Holdfast";
  return std::format("its answer has status {} and cannot be read; look at the daemon's log",
                     reply.status);
}

std::string url_encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    result += plain ? std::string(1, c) : std::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace holdfast::cli
