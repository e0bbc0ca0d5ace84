#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/health.hpp"

/// What the admin listener answers, as a pure function of the request: no sockets, no threads.
namespace holdfast::observe {

struct AdminRequest {
  std::string method;
  std::string path;                         ///< Without the query.
  std::vector<std::string> hosts;           ///< Every Host header, normally one.
  std::vector<std::string> authorizations;  ///< Every Authorization header.
  bool http_1_0 = false;                    ///< Such a request may come without Host.
};

struct AdminAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// What the answers are made from.
struct AdminContext {
  std::function<HealthSnapshot()> health;
  std::vector<std::string> source_names;
  std::string token;  ///< Empty: everybody on this machine may look, but no browser of theirs.
  std::function<std::string()> history;  ///< The document of GET /api/v1/history.
};

/// Checks Host (without a token), path, method and token, in this order, and answers.
///
/// Promise:  no request changes any state.
/// Errors:   those that `health` throws.
[[nodiscard]] AdminAnswer answer(const AdminRequest& request, const AdminContext& context);

/// An RFC 9457 problem document.
[[nodiscard]] AdminAnswer problem(int status, std::string_view detail);

/// True for localhost, 127.0.0.0/8 and [::1], with or without a port. Without a token this is what
/// keeps a web page from reading the admin listener through a name that it points at 127.0.0.1.
[[nodiscard]] bool is_loopback_host(std::string_view host);

}  // namespace holdfast::observe
