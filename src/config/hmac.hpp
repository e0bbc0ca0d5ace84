#pragma once

#include "config/reader.hpp"

namespace holdfast::config {

/// The keys of provider "hmac"; at any other provider each of them is refused.
///
/// Needs:    provider of the source is read.
void read_hmac(TableReader& reader, SourceConfig& source);

/// The words of the file, in the order of the enums.
[[nodiscard]] std::string_view to_string(HmacAlgorithm algorithm);
[[nodiscard]] std::string_view to_string(HmacEncoding encoding);
[[nodiscard]] std::string_view to_string(SecretEncoding encoding);

}  // namespace holdfast::config
