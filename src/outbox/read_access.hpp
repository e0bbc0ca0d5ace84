#pragma once

#include <algorithm>
#include <concepts>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/failure.hpp"
#include "holdfast/outbox.hpp"
#include "outbox/list_query.hpp"
#include "outbox/reader.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {

/// Runs a read; what SQLite throws becomes a Failure.
template <class F>
auto reading(std::string_view doing, F&& read) -> std::expected<std::invoke_result_t<F>, Failure> {
  try {
    return std::forward<F>(read)();
  } catch (const SQLite::Exception& error) {
    return std::unexpected(read_failure(doing, error));
  } catch (const Error& error) {
    return std::unexpected(error.failure());
  }
}

/// Collects a page window by window. `with_reader` calls its argument with the Reader; each call is
/// one snapshot, and others get at the Reader in between.
template <class WithReader>
std::vector<EntrySummary> list_page(const ListRequest& request, WithReader&& with_reader) {
  const ListScope scope = with_reader([](Reader& reader) { return reader.list_scope(); });
  const std::size_t limit = std::min(request.limit, list_limit_max);
  std::vector<EntrySummary> page;
  std::optional<SeqWindow> window;
  while (page.size() < limit && (window = next_window(request, scope, window)))
    with_reader([&](Reader& reader) {
      reader.list_window(request, scope, *window, page);
      return 0;
    });
  return page;
}

}  // namespace holdfast::outbox
