#include "base/source_name.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace holdfast::base {

bool is_source_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= limits::source_name_bytes_max &&
         std::ranges::all_of(text, fits);
}

}  // namespace holdfast::base
