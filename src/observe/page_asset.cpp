#include "observe/page_asset.hpp"

#include <algorithm>

#include "page_files.hpp"

namespace holdfast::observe {
namespace {

constexpr std::string_view folder = "/page/";

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  return "text/javascript; charset=utf-8";
}

}  // namespace

std::optional<PageAsset> page_asset(std::string_view path) {
  if (path != "/" && !path.starts_with(folder)) return std::nullopt;
  const auto name = path == "/" ? std::string_view("index.html") : path.substr(folder.size());
  const auto file = std::ranges::find(page_files, name, &EmbeddedFile::name);
  if (file == page_files.end()) return std::nullopt;
  return PageAsset{content_type_of(name), file->text};
}

}  // namespace holdfast::observe
