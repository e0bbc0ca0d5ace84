#pragma once

#include "config/reader.hpp"

namespace holdfast::config {

/// The key `write` of a source: the name of built-in operations, or statements of the user's own.
///
/// Needs:    provider of the source is read.
void read_writes(TableReader& reader, SourceConfig& source, Loading& loading);

/// The word for built-in operations.
/// Needs:    not Operations::none.
[[nodiscard]] std::string_view to_string(Operations operations);

}  // namespace holdfast::config
