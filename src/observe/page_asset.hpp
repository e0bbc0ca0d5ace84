#pragma once

#include <optional>
#include <string_view>

/// The web page at `/` of the admin listener, embedded in the program: HTML, style, scripts and the
/// chart library, so that it works without the internet and fits the daemon that it comes from.
namespace holdfast::observe {

struct PageAsset {
  std::string_view content_type;
  std::string_view body;
};

/// The file of the page at this path: `/`, or `/page/NAME`. nullopt: the page has none there.
/// They are the same for everybody and need no token; what they show is asked for with one.
[[nodiscard]] std::optional<PageAsset> page_asset(std::string_view path);

/// Content-Security-Policy of the page. Nothing comes from elsewhere or goes there, no script or
/// style stands in the HTML, and no text can become HTML (trusted types): whatever a sender puts
/// into a payload stays text.
inline constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

}  // namespace holdfast::observe
