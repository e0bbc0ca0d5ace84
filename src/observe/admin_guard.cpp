#include "observe/admin_guard.hpp"

#include <arpa/inet.h>
#include <httplib.h>

#include <charconv>
#include <cstdint>

#include "base/encoding.hpp"

namespace holdfast::observe {
namespace {

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

bool is_json(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  return base::equal_ignore_case(type, json_type);
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

std::optional<AdminAnswer> refuse_host(const AdminRequest& request) {
  if (request.hosts.empty() && request.http_1_0) return std::nullopt;
  if (request.hosts.size() != 1) return problem(400, "A request needs exactly one Host header.");
  if (is_loopback_host(request.hosts.front())) return std::nullopt;
  return problem(421, "Without admin.token this listener answers only to a loopback Host.");
}

std::optional<AdminAnswer> refuse_post(const AdminRequest& request) {
  if (request.content_types.size() != 1 || !is_json(request.content_types.front()))
    return problem(415, "Without admin.token a POST needs Content-Type: application/json.");
  // The page of this very listener names the Host that it was loaded from, which has been checked.
  for (const auto& origin : request.origins)
    if (request.hosts.size() != 1 ||
        !base::equal_ignore_case(origin, "http://" + request.hosts.front()))
      return problem(403, "Without admin.token a POST from another origin is refused.");
  return std::nullopt;
}

std::optional<std::string> token_name(const AdminRequest& request,
                                      const std::vector<AdminToken>& tokens) {
  constexpr std::string_view scheme = "Bearer ";
  if (request.authorizations.size() != 1) return std::nullopt;
  const std::string_view given = request.authorizations.front();
  if (given.size() < scheme.size() ||
      !base::equal_ignore_case(given.substr(0, scheme.size()), scheme))
    return std::nullopt;
  std::optional<std::string> found;
  for (const auto& token : tokens) {
    // cpp-httplib hands over header values percent-decoded, so the token is compared in that form.
    if (base::equal_constant_time(given.substr(scheme.size()),
                                  httplib::decode_path_component(token.secret.reveal())))
      found = token.name;
  }
  return found;
}

}  // namespace holdfast::observe
