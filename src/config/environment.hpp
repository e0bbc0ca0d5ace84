#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::config {

/// Looks a variable up; nullopt if it is not set. A function, so that tests need not change their
/// own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The variables of this process.
/// Threads:  any, as long as none calls setenv.
[[nodiscard]] Environment process_environment();

/// Replaces `${NAME}` and `${NAME:default}`; the first colon splits, the default also counts when
/// the variable is empty, `$${` stands for `${`. What was put in is not looked at again, so that a
/// secret may hold any character.
///
/// Errors:   what is wrong, without the text around it: it may hold a secret.
[[nodiscard]] std::expected<std::string, std::string> substitute(std::string_view text,
                                                                 const Environment& environment);

}  // namespace holdfast::config
