#include "observe/admin_routes.hpp"

#include <httplib.h>

#include <array>
#include <nlohmann/json.hpp>

#include "observe/admin_guard.hpp"
#include "observe/api.hpp"
#include "observe/http_server.hpp"

namespace holdfast::observe {
namespace {

enum class Access { open, token };

struct Route {
  std::string_view method;
  std::string_view path;  ///< `*` stands for one segment: an id or a name.
  Access access;
  AdminAnswer (*answer)(const Call&);
  std::size_t body_bytes_max = admin_body_bytes_max;
  bool takes_filters = false;  ///< Of a POST: any other one takes no parameter at all.
};

constexpr std::array routes{
    Route{"GET", "/", Access::open, api::page},
    Route{"GET", "/page/*", Access::open, api::page},
    Route{"GET", "/livez", Access::open, api::live},
    Route{"GET", "/readyz", Access::open, api::ready},
    Route{"GET", "/healthz", Access::open, api::ready},
    Route{"GET", "/api/health", Access::open, api::health},
    Route{"GET", "/metrics", Access::token, api::metrics},
    Route{"GET", "/api/v1/status", Access::token, api::status},
    Route{"GET", "/api/v1/history", Access::token, api::history},
    Route{"GET", "/api/v1/stream", Access::token, api::stream},
    Route{"GET", "/api/v1/openapi.json", Access::token, api::openapi},
    Route{"GET", "/api/v1/audit", Access::token, api::audit},
    Route{"GET", "/api/v1/entries", Access::token, api::entries},
    Route{"POST", "/api/v1/entries/retry", Access::token, api::retry_many, admin_body_bytes_max,
          true},
    Route{"POST", "/api/v1/entries/discard", Access::token, api::discard_many, admin_body_bytes_max,
          true},
    Route{"POST", "/api/v1/entries/replay", Access::token, api::replay_many, admin_body_bytes_max,
          true},
    Route{"POST", "/api/v1/entries/import", Access::token, api::import_entries,
          import_body_bytes_max},
    Route{"GET", "/api/v1/entries/*", Access::token, api::entry},
    Route{"POST", "/api/v1/entries/*/retry", Access::token, api::retry_one},
    Route{"POST", "/api/v1/entries/*/discard", Access::token, api::discard_one},
    Route{"POST", "/api/v1/entries/*/replay", Access::token, api::replay_one},
    Route{"POST", "/api/v1/entries/*/erase", Access::token, api::erase_one},
    Route{"POST", "/api/v1/relay/pause", Access::token, api::pause_relay},
    Route{"POST", "/api/v1/relay/resume", Access::token, api::resume_relay},
    Route{"POST", "/api/v1/relay/probe", Access::token, api::probe},
    Route{"POST", "/api/v1/sources/*/pause", Access::token, api::pause_source},
    Route{"POST", "/api/v1/sources/*/resume", Access::token, api::resume_source},
};

/// What `*` of a route stands for in this path; nullopt if the path is another one.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos)
    return pattern == path ? std::optional<std::string>("") : std::nullopt;
  const auto tail = pattern.substr(star + 1);
  if (!path.starts_with(pattern.substr(0, star)) || !path.ends_with(tail)) return std::nullopt;
  if (path.size() <= star + tail.size()) return std::nullopt;
  const auto segment = path.substr(star, path.size() - star - tail.size());
  if (segment.contains('/')) return std::nullopt;
  return std::string(segment);
}

struct Found {
  const Route* route = nullptr;
  std::string parameter;
  std::string allow;  ///< The methods of this path, where the method of the request is none.
};

/// A path that is there by itself comes before one with a segment that may be anything: its methods
/// are those of the path.
Found find_route(const AdminRequest& request) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  Found found;
  bool by_itself = false;
  for (const Route& route : routes) {
    auto parameter = match(route.path, request.path);
    const bool any = route.path.contains('*');
    if (!parameter || (any && by_itself)) continue;
    by_itself = !any;
    if (route.method == method) return {&route, *std::move(parameter), {}};
    found.allow = route.method == "GET" ? "GET, HEAD" : std::string(route.method);
  }
  return found;
}

/// Who asks to erase one entry with dry_run=true must not find it erased.
std::optional<AdminAnswer> refuse_parameters(const AdminRequest& request) {
  if (request.query.empty()) return std::nullopt;
  return problem(400, "There is no such parameter here.", request.query.front().first);
}

/// The checks that come before the answer, and what they found out.
struct Checked {
  std::optional<AdminAnswer> refusal;
  Found found;
  std::string token_name;
};

Checked check(const AdminRequest& request, const AdminContext& context) {
  Checked checked;
  const bool open = context.tokens.empty();
  if (open && (checked.refusal = refuse_host(request))) return checked;
  checked.found = find_route(request);
  if (checked.found.route == nullptr) {
    checked.refusal = checked.found.allow.empty()
                          ? problem(404, "There is nothing at this path.")
                          : problem(405, "This path does not take this method.");
    if (!checked.found.allow.empty())
      checked.refusal->headers.emplace_back("Allow", checked.found.allow);
    return checked;
  }
  checked.token_name = "loopback";
  if (!open && checked.found.route->access == Access::token) {
    auto name = token_name(request, context.tokens);
    if (!name) {
      checked.refusal = problem(401, "This path needs the bearer token of admin.token.");
      checked.refusal->headers.emplace_back("WWW-Authenticate", "Bearer realm=\"holdfast\"");
      return checked;
    }
    checked.token_name = *std::move(name);
  }
  if (request.method != "POST") return checked;
  if (open) checked.refusal = refuse_post(request);
  if (!checked.refusal && !checked.found.route->takes_filters)
    checked.refusal = refuse_parameters(request);
  return checked;
}

}  // namespace

AdminAnswer problem(int status, std::string_view detail, std::string_view field) {
  nlohmann::json body{{"type", "about:blank"},
                      {"title", httplib::status_message(status)},
                      {"status", status},
                      {"detail", detail}};
  if (!field.empty()) body["field"] = field;
  return {status, "application/problem+json",
          body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

AdminAnswer problem(const Failure& failure) {
  if (failure.kind == FailureKind::invalid) return problem(400, failure.message);
  auto answer = problem(503, failure.message);
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

Admission admit(const AdminRequest& request, const AdminContext& context) {
  auto checked = check(request, context);
  if (checked.refusal) return {std::move(checked.refusal), 0};
  return {std::nullopt, checked.found.route->body_bytes_max};
}

AdminAnswer answer(const AdminRequest& request, const AdminContext& context) {
  auto checked = check(request, context);
  if (checked.refusal) return *std::move(checked.refusal);
  return checked.found.route->answer(
      {request, context, std::move(checked.found.parameter), std::move(checked.token_name)});
}

}  // namespace holdfast::observe
