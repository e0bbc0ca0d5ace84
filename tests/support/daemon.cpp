#include "support/daemon.hpp"

#include <charconv>
#include <csignal>
#include <filesystem>
#include <format>
#include <stdexcept>
#include <utility>

#include "support/http.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

namespace holdfast::support {

using namespace std::chrono_literals;

Daemon::Daemon(DaemonConfig config) : config_(std::move(config)) {
  if (config_.outbox_path.empty()) config_.outbox_path = folder_.file("holdfast.db");
  choose_ports();
  write_configuration();
}

void Daemon::choose_ports() {
  if (config_.system_ports) return;
  port_ = config_.port != 0 ? config_.port : unused_port();
  admin_port_ = config_.admin_port;
  while (admin_port_ == 0 || admin_port_ == port_) admin_port_ = unused_port();
}

void Daemon::write_configuration() const {
  if (!config_.file.empty()) return;
  const std::string url =
      config_.destination_url.empty() ? "" : std::format("url = \"{}\"\n", config_.destination_url);
  write_file(config_path(), std::format("[ingress]\nlisten = \"127.0.0.1:{}\"\n{}\n"
                                        "[outbox]\npath = \"{}\"\n{}\n"
                                        "[destination]\n{}{}\n"
                                        "[admin]\nlisten = \"127.0.0.1:{}\"\n\n{}",
                                        port_, config_.ingress, config_.outbox_path, config_.outbox,
                                        url, config_.destination, admin_port_, config_.sources));
}

void Daemon::reconfigure(const std::function<void(DaemonConfig&)>& change) {
  change(config_);
  write_configuration();
}

Command Daemon::serve_command() const {
  return {.arguments = {config_.binary, "serve", "--config", config_path()},
          .environment = environment(),
          .folder = folder_.path(),
          .out_path = folder_.file("out"),
          .err_path = folder_.file("log")};
}

std::vector<std::string> Daemon::environment() const {
  auto environment = config_.environment;
  environment.push_back(std::format("HOLDFAST_LISTEN=127.0.0.1:{}", port_));
  environment.push_back(std::format("HOLDFAST_ADMIN_LISTEN=127.0.0.1:{}", admin_port_));
  environment.push_back("HOLDFAST_OUTBOX=" + config_.outbox_path);
  return environment;
}

void Daemon::launch() {
  std::filesystem::remove(folder_.file("out"));
  process_ = std::make_unique<Process>(serve_command());
}

void Daemon::start() {
  // Another test may take a port between the look and the start.
  for (int tries = 0; !try_start(); ++tries) {
    const bool taken = !started_ && log_text().contains("Address already in use");
    if (!taken || tries == 3)
      throw std::runtime_error("starting the daemon: not ready:\n" + out_text() + log_text());
    choose_ports();
    write_configuration();
  }
  started_ = true;
}

bool Daemon::try_start() {
  launch();
  const bool ready = eventually(
      [&] {
        if (!process_->running()) return true;
        const auto ingress = announced_port("ingress");
        const auto admin = announced_port("admin");
        if (ingress == 0 || admin == 0) return false;
        port_ = ingress;
        admin_port_ = admin;
        return readyz() == 200;
      },
      20s);
  return ready && process_->running();
}

std::uint16_t Daemon::announced_port(const std::string& listener) const {
  const std::string text = out_text();
  const std::string before = "holdfast: " + listener + " listening on http://127.0.0.1:";
  const auto start = text.find(before);
  // Without its newline the line may be cut in the middle of the port.
  if (start == std::string::npos || text.find('\n', start) == std::string::npos) return 0;
  std::uint16_t port = 0;
  std::from_chars(text.data() + start + before.size(), text.data() + text.size(), port);
  return port;
}

int Daemon::terminate() {
  process_->send_signal(SIGTERM);
  return wait_for_end();
}

int Daemon::wait_for_end() {
  const auto code = process_->wait(30s);
  if (!code) process_->kill_hard();
  return code.value_or(-1);
}

void Daemon::kill_hard() {
  process_->kill_hard();
}

CommandResult Daemon::start_refused() {
  const Command command = serve_command();
  return run_command({.arguments = command.arguments,
                      .environment = command.environment,
                      .folder = command.folder},
                     20s);
}

CommandResult Daemon::run(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), config_.binary);
  arguments.insert(arguments.end(), {"--config", config_path()});
  return run_command(
      {.arguments = std::move(arguments), .environment = environment(), .folder = folder_.path()},
      20s);
}

nlohmann::json Daemon::health() const {
  return nlohmann::json::parse(get(admin_port_, "/api/health").body);
}

std::uint64_t Daemon::pending() const {
  return health().at("outbox").at("pending").get<std::uint64_t>();
}

int Daemon::readyz() const {
  const auto response =
      HttpConnection(admin_port_).exchange({.method = "GET", .target = "/readyz"});
  return response ? response->status : 0;
}

bool Daemon::reaches_state(const std::string& state, std::chrono::milliseconds deadline) {
  return eventually([&] { return health().at("destination").at("state") == state; }, deadline);
}

bool Daemon::drains(std::chrono::milliseconds deadline) {
  return eventually([&] { return pending() == 0; }, deadline);
}

}  // namespace holdfast::support
