#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "observe/admin_request.hpp"

/// Who may ask. Pure.
namespace holdfast::observe {

/// Without a token: what keeps a web page from reading the admin listener through a name that it
/// points at 127.0.0.1. Nothing if the request may go on.
[[nodiscard]] std::optional<AdminAnswer> refuse_host(const AdminRequest& request);

/// Without a token: what keeps a web page from posting. A browser asks before it sends JSON to
/// another origin, and says where a post comes from.
[[nodiscard]] std::optional<AdminAnswer> refuse_post(const AdminRequest& request);

/// The name of the token that the request carries; every token is compared, in constant time.
[[nodiscard]] std::optional<std::string> token_name(const AdminRequest& request,
                                                    const std::vector<AdminToken>& tokens);

/// True for localhost, 127.0.0.0/8 and [::1], with or without a port.
[[nodiscard]] bool is_loopback_host(std::string_view host);

}  // namespace holdfast::observe
