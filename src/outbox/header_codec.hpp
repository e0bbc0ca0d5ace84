#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/entry.hpp"

namespace holdfast::outbox {

/// Headers as netstrings, name and value in turn: readable in a shell, and exact for any byte.
/// Source:   cr.yp.to/proto/netstrings.txt
[[nodiscard]] std::string encode_headers(const std::vector<Header>& headers);
/// nullopt if the bytes are no such list: the file is damaged.
[[nodiscard]] std::optional<std::vector<Header>> decode_headers(std::string_view bytes);

}  // namespace holdfast::outbox
