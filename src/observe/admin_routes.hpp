#pragma once

#include <string_view>

#include "observe/admin_request.hpp"

/// What the admin listener answers: no sockets, no threads.
namespace holdfast::observe {

/// What is known of a request before its body is read.
struct Admission {
  std::optional<AdminAnswer> refusal;  ///< Answer this; do not read the body.
  std::size_t body_bytes_max = 0;
};

/// Checks, in this order: Host (without a token), path, method, token, and without a token the
/// marks of a request that a web page sent.
[[nodiscard]] Admission admit(const AdminRequest& request, const AdminContext& context);

/// Admits and answers.
///
/// Promise:  only POST changes anything; each change has its line in the audit log.
/// Blocks:   a change until it is durable, and that of an entry in flight until its outcome.
/// Errors:   those that the functions of `context` throw.
[[nodiscard]] AdminAnswer answer(const AdminRequest& request, const AdminContext& context);

}  // namespace holdfast::observe
