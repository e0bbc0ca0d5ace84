#pragma once

#include <string>

#include "cli/command_tree.hpp"

namespace holdfast::cli {

/// What bash and zsh need to complete commands, options and their values. Pure.
[[nodiscard]] std::string bash_completion(const CommandInfo& root);
[[nodiscard]] std::string zsh_completion(const CommandInfo& root);

/// The man page holdfast(1) in the mdoc language. Pure.
[[nodiscard]] std::string man_page(const CommandInfo& root, std::string_view version);

}  // namespace holdfast::cli
