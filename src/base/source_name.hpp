#pragma once

#include <string_view>

namespace holdfast::base {

/// 1 to limits::source_name_bytes_max letters, digits, _ or -: it stands in paths, labels and logs.
[[nodiscard]] bool is_source_name(std::string_view text);

}  // namespace holdfast::base
