#include "support/browser.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <format>
#include <stdexcept>

#include "base/encoding.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

namespace holdfast::support {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr int wide = 1280;
constexpr int high = 1000;

Command driver_command(const ScratchFolder& folder, std::uint16_t port) {
  return {.arguments = {"chromedriver", std::format("--port={}", port), "--log-level=SEVERE"},
          // Crash reports, caches and sockets go where the profile is.
          .environment = {"HOME=" + folder.path(), "TMPDIR=" + folder.path()},
          .folder = folder.path(),
          .out_path = folder.file("out"),
          .err_path = folder.file("log")};
}

json wanted(const ScratchFolder& folder) {
  const json arguments{"--headless=new",
                       "--no-sandbox",  // Tests run as root, which Chromium's sandbox refuses.
                       "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                       "--disable-background-networking", "--disable-component-update",
                       "--lang=en-GB",
                       // Not through a port: the browser ends as soon as the driver is gone.
                       "--remote-debugging-pipe", "--user-data-dir=" + folder.file("profile"),
                       std::format("--window-size={},{}", wide, high)};
  return {{"capabilities",
           {{"alwaysMatch",
             {{"browserName", "chrome"},
              {"goog:loggingPrefs", {{"browser", "ALL"}}},
              {"goog:chromeOptions", {{"args", arguments}}}}}}}};
}

}  // namespace

Browser::Browser()
    : port_(unused_port()), driver_(driver_command(folder_, port_)), connection_(port_, 60s) {
  if (!eventually([&] { return accepts_connections(port_) || !driver_.running(); }, 20s) ||
      !driver_.running())
    throw std::runtime_error("starting chromedriver: " + read_file(folder_.file("out")) +
                             read_file(folder_.file("log")));
  session_ = call("POST", "/session", wanted(folder_)).at("sessionId").get<std::string>();
}

Browser::~Browser() {
  // Closes the browser and waits for it; what may still run then ends with the driver.
  (void)connection_.exchange({.method = "DELETE", .target = "/session/" + session_});
  driver_.send_signal(SIGTERM);
  if (!driver_.wait(10s)) driver_.kill_hard();
}

json Browser::call(const std::string& method, const std::string& path, const json& body) const {
  HttpRequest request{.method = method, .target = path};
  if (method == "POST") {
    request.headers = {{"Content-Type", "application/json"}};
    request.body = body.is_null() ? "{}" : body.dump();
  }
  const auto response = connection_.exchange(request);
  if (!response) throw std::runtime_error("asking chromedriver: " + response.error());
  const auto value = json::parse(response->body).at("value");
  if (response->status != 200)
    throw std::runtime_error(std::format("chromedriver, {} {}: {}", method, path,
                                         value.at("message").get<std::string>()));
  return value;
}

json Browser::of_session(const std::string& method, const std::string& path,
                         const json& body) const {
  return call(method, "/session/" + session_ + path, body);
}

void Browser::begin_anew() {
  set_size(wide, high);
  prefer_dark(false);
  of_session("POST", "/url", {{"url", "about:blank"}});
  (void)complaints();
}

void Browser::open(const std::string& url) {
  // A change of the hash alone loads nothing.
  of_session("POST", "/url", {{"url", "about:blank"}});
  of_session("POST", "/url", {{"url", url}});
}

void Browser::reload() {
  of_session("POST", "/refresh");
}

json Browser::run(std::string_view script, json arguments) const {
  return of_session("POST", "/execute/sync", {{"script", script}, {"args", std::move(arguments)}});
}

std::string Browser::text(std::string_view css) const {
  return run("return document.querySelector(arguments[0])?.textContent ?? ''", {css});
}

std::size_t Browser::count(std::string_view css) const {
  return run("return document.querySelectorAll(arguments[0]).length", {css});
}

bool Browser::shows(std::string_view css) const {
  return run(
      "return (document.querySelector(arguments[0])?.getBoundingClientRect().height ?? 0) > 0",
      {css});
}

std::string Browser::element(std::string_view css) const {
  const auto found = of_session("POST", "/element", {{"using", "css selector"}, {"value", css}});
  return found.begin().value().get<std::string>();
}

void Browser::click(std::string_view css) const {
  of_session("POST", "/element/" + element(css) + "/click");
}

void Browser::type(std::string_view css, std::string_view text) const {
  of_session("POST", "/element/" + element(css) + "/value", {{"text", text}});
}

void Browser::press(std::string_view keys) const {
  // To whatever has the focus, as a keyboard does: what had it may just have been disabled.
  json actions = json::array();
  std::string_view held;
  const auto act = [&](const char* type, std::string_view pressed) {
    actions.push_back({{"type", type}, {"value", pressed}});
  };
  while (!keys.empty()) {
    constexpr auto is_tail = [](char byte) {
      return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
    };
    const auto end = std::find_if_not(keys.begin() + 1, keys.end(), is_tail);
    const std::string_view pressed(keys.begin(), end);
    act("keyDown", pressed);
    if (pressed == key::shift) {
      held = pressed;
    } else {
      act("keyUp", pressed);
    }
    keys.remove_prefix(pressed.size());
  }
  if (!held.empty()) act("keyUp", held);
  of_session("POST", "/actions",
             {{"actions", {{{"type", "key"}, {"id", "keyboard"}, {"actions", actions}}}}});
}

std::string Browser::url() const {
  return of_session("GET", "/url").get<std::string>();
}

void Browser::set_size(int width, int height, bool phone) const {
  devtools("Emulation.setDeviceMetricsOverride", {{"width", width},
                                                  {"height", height},
                                                  {"deviceScaleFactor", phone ? 2 : 1},
                                                  {"mobile", phone}});
}

void Browser::prefer_dark(bool dark) const {
  const json scheme{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}};
  devtools("Emulation.setEmulatedMedia", {{"features", json::array({scheme})}});
}

std::vector<std::string> Browser::complaints() const {
  std::vector<std::string> texts;
  for (const auto& line : of_session("POST", "/se/log", {{"type", "browser"}}))
    texts.push_back(std::format("{} {}: {}", line.at("level").get<std::string>(),
                                line.value("source", ""), line.at("message").get<std::string>()));
  return texts;
}

void Browser::take_picture(const std::string& name) const {
  const char* folder = std::getenv("HOLDFAST_SHOTS");
  if (folder == nullptr) return;
  const auto bytes = base::from_base64(of_session("GET", "/screenshot").get<std::string>());
  if (bytes) write_file(std::format("{}/{}.png", folder, name), *bytes);
}

json Browser::devtools(std::string_view command, json parameters) const {
  return of_session("POST", "/goog/cdp/execute",
                    {{"cmd", command}, {"params", std::move(parameters)}});
}

}  // namespace holdfast::support
