#include "support/pgbouncer.hpp"

#include <csignal>
#include <format>
#include <stdexcept>

#include "support/http.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

namespace holdfast::support {

PgBouncer::PgBouncer(std::uint16_t upstream_port) : upstream_port_(upstream_port) {
  for (int tries = 0; tries < 4; ++tries) {
    port_ = unused_port();
    write_configuration();
    // Another process may have taken the port in between.
    if (try_start()) return;
  }
  throw std::runtime_error("starting PgBouncer: not ready:\n" + log_text());
}

void PgBouncer::write_configuration() {
  write_file(folder_.file("pgbouncer.ini"),
             std::format("[databases]\n"
                         "* = host=127.0.0.1 port={} user=postgres\n"
                         "[pgbouncer]\n"
                         "listen_addr = 127.0.0.1\n"
                         "listen_port = {}\n"
                         "unix_socket_dir =\n"
                         "auth_type = any\n"
                         "pool_mode = transaction\n"
                         "max_client_conn = 200\n"
                         "default_pool_size = 10\n"
                         "max_prepared_statements = 0\n"
                         "server_login_retry = 1\n"
                         "ignore_startup_parameters = extra_float_digits\n",
                         upstream_port_, port_));
}

bool PgBouncer::try_start() {
  process_ = std::make_unique<Process>(
      Command{.arguments = as_postgres({"pgbouncer", folder_.file("pgbouncer.ini")}),
              .out_path = folder_.file("out"),
              .err_path = folder_.file("log")});
  return eventually([&] { return !process_->running() || accepts_connections(port_); },
                    std::chrono::seconds(10)) &&
         process_->running();
}

void PgBouncer::start() {
  if (!try_start()) throw std::runtime_error("starting PgBouncer again: not ready:\n" + log_text());
}

void PgBouncer::stop() {
  process_->send_signal(SIGQUIT);
  if (!process_->wait(std::chrono::seconds(5))) process_->kill_hard();
}

void PgBouncer::restart() {
  stop();
  start();
}

std::string PgBouncer::url(std::string_view database) const {
  return std::format("postgresql://postgres@127.0.0.1:{}/{}", port_, database);
}

std::string PgBouncer::log_text() const {
  return read_file(folder_.file("log")) + read_file(folder_.file("out"));
}

}  // namespace holdfast::support
