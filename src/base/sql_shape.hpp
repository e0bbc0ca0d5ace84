#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/sql_lexer.hpp"
#include "base/sql_statement.hpp"

/// Whether a statement can be written for many rows at once. Pure.
namespace holdfast::base {

/// The shape of a statement that can; none for all others, and for whatever is in doubt.
///
/// Needs:    the tokens of the text, without semicolons; closed parentheses.
[[nodiscard]] std::optional<BatchShape> batch_shape(std::string_view text,
                                                    std::span<const SqlToken> tokens);

}  // namespace holdfast::base
