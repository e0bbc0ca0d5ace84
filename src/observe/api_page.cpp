#include "observe/api.hpp"
#include "observe/page_asset.hpp"

namespace holdfast::observe::api {

AdminAnswer page(const Call& call) {
  const auto asset = page_asset(call.request.path);
  if (!asset) return problem(404, "There is nothing at this path.");
  return {
      200,
      std::string(asset->content_type),
      std::string(asset->body),
      {{"Content-Security-Policy", std::string(page_policy)}, {"Referrer-Policy", "no-referrer"}}};
}

}  // namespace holdfast::observe::api
