#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/http.hpp"
#include "support/process.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::support {

/// Keys of WebDriver that are no letters.
namespace key {
inline constexpr std::string_view tab = "\uE004";
inline constexpr std::string_view enter = "\uE007";
inline constexpr std::string_view escape = "\uE00C";
inline constexpr std::string_view space = " ";
inline constexpr std::string_view down = "\uE015";
inline constexpr std::string_view shift = "\uE008";  ///< Held until the end of the text.
}  // namespace key

/// A real headless Chromium with a profile of its own, driven through chromedriver.
///
/// Promise:  all its processes are ended when the destructor returns, or when this process dies: it
///           talks to chromedriver through a pipe, and ends with that.
/// Threads:  one at a time, made on a thread that lives as long as the browser.
/// Errors:   std::runtime_error with what chromedriver said.
class Browser {
 public:
  Browser();
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  /// Leaves the page and is a wide light window again. (What a page stored belongs to its daemon.)
  void begin_anew();
  /// Loads the page, also if it is the one that is there.
  void open(const std::string& url);
  void reload();

  /// The value of a function body run in the page; its arguments are `arguments`.
  nlohmann::json run(std::string_view script,
                     nlohmann::json arguments = nlohmann::json::array()) const;
  /// textContent of the first element that matches; empty if there is none.
  [[nodiscard]] std::string text(std::string_view css) const;
  /// How many elements match.
  [[nodiscard]] std::size_t count(std::string_view css) const;
  /// True if the first that matches takes room on the page.
  [[nodiscard]] bool shows(std::string_view css) const;
  /// Clicks like a hand: what is covered or not there is an error.
  void click(std::string_view css) const;
  /// Types into an element; press() types into what has the focus.
  void type(std::string_view css, std::string_view text) const;
  void press(std::string_view keys) const;
  [[nodiscard]] std::string url() const;

  /// The size of the window; a phone has touch and a finer screen.
  void set_size(int width, int height, bool phone = false) const;
  void prefer_dark(bool dark) const;
  /// What the browser complained of since the last call: errors of scripts, the network and of the
  /// page's policy.
  [[nodiscard]] std::vector<std::string> complaints() const;
  /// Into $HOLDFAST_SHOTS/NAME.png; without that variable nothing.
  void take_picture(const std::string& name) const;
  /// A command of the DevTools protocol.
  nlohmann::json devtools(std::string_view command, nlohmann::json parameters) const;

 private:
  nlohmann::json call(const std::string& method, const std::string& path,
                      const nlohmann::json& body = nullptr) const;
  nlohmann::json of_session(const std::string& method, const std::string& path,
                            const nlohmann::json& body = nullptr) const;
  [[nodiscard]] std::string element(std::string_view css) const;

  // Constant after construction.
  ScratchFolder folder_;
  std::uint16_t port_;
  Process driver_;
  mutable HttpConnection connection_;
  std::string session_;
};

}  // namespace holdfast::support
