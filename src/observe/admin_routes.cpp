#include "observe/admin_routes.hpp"

#include <arpa/inet.h>
#include <httplib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "observe/health.hpp"
#include "observe/metrics.hpp"

namespace holdfast::observe {
namespace {

constexpr const char* json_type = "application/json";

struct Route {
  std::string_view path;
  bool needs_token;
  AdminAnswer (*answer)(const AdminContext&);
};

AdminAnswer live(const AdminContext&) {
  return {200, "text/plain; charset=utf-8", "ok\n", {}};
}

AdminAnswer ready(const AdminContext& context) {
  const auto snapshot = context.health();
  return {health_status_code(snapshot), json_type, ready_json(snapshot), {}};
}

AdminAnswer health(const AdminContext& context) {
  const auto snapshot = context.health();
  return {health_status_code(snapshot), json_type, health_json(snapshot), {}};
}

AdminAnswer metrics(const AdminContext& context) {
  return {200, metrics_content_type, metrics_text(context.health(), context.source_names), {}};
}

AdminAnswer status(const AdminContext& context) {
  return {200, json_type, status_json(context.health()), {}};
}

AdminAnswer history(const AdminContext& context) {
  return {200, json_type, context.history(), {}};
}

constexpr std::array routes{
    Route{"/livez", false, live},
    Route{"/readyz", false, ready},
    Route{"/healthz", false, ready},
    Route{"/api/health", false, health},
    Route{"/metrics", true, metrics},
    Route{"/api/v1/status", true, status},
    Route{"/api/v1/history", true, history},
};

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && stopped == end;
}

bool is_loopback_ipv4(std::string_view name) {
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(name).c_str(), &address) == 1 &&
         (ntohl(address.s_addr) >> 24) == 127;
}

// Only without a token: whoever has the token needs no protection from browsers.
std::optional<AdminAnswer> refuse_host(const AdminRequest& request) {
  if (request.hosts.empty() && request.http_1_0) return std::nullopt;
  if (request.hosts.size() != 1) return problem(400, "A request needs exactly one Host header.");
  if (is_loopback_host(request.hosts.front())) return std::nullopt;
  return problem(421, "Without admin.token this listener answers only to a loopback Host.");
}

bool has_token(const AdminRequest& request, const std::string& token) {
  constexpr std::string_view scheme = "Bearer ";
  if (request.authorizations.size() != 1) return false;
  const std::string_view given = request.authorizations.front();
  if (given.size() < scheme.size() ||
      !base::equal_ignore_case(given.substr(0, scheme.size()), scheme))
    return false;
  // cpp-httplib hands over header values percent-decoded, so the token is compared in that form.
  return base::equal_constant_time(given.substr(scheme.size()),
                                   httplib::decode_path_component(token));
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    const auto rest = host.starts_with("[::1]") ? host.substr(5) : "?";
    return rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1)));
  }
  const auto colon = host.find(':');
  const auto name = host.substr(0, colon);
  if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return false;
  return base::equal_ignore_case(name, "localhost") || is_loopback_ipv4(name);
}

AdminAnswer problem(int status, std::string_view detail) {
  const nlohmann::json body{{"type", "about:blank"},
                            {"title", httplib::status_message(status)},
                            {"status", status},
                            {"detail", detail}};
  return {status, "application/problem+json", body.dump(), {}};
}

AdminAnswer answer(const AdminRequest& request, const AdminContext& context) {
  if (context.token.empty())
    if (auto refusal = refuse_host(request)) return *std::move(refusal);
  const auto route = std::ranges::find(routes, request.path, &Route::path);
  if (route == routes.end()) return problem(404, "There is nothing at this path.");
  if (request.method != "GET" && request.method != "HEAD") {
    auto refusal = problem(405, "This path can only be read.");
    refusal.headers.emplace_back("Allow", "GET, HEAD");
    return refusal;
  }
  if (route->needs_token && !context.token.empty() && !has_token(request, context.token)) {
    auto refusal = problem(401, "This path needs the bearer token of admin.token.");
    refusal.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"holdfast\"");
    return refusal;
  }
  return route->answer(context);
}

}  // namespace holdfast::observe
