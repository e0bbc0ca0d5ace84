#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace holdfast::support {

/// A private PostgreSQL server on 127.0.0.1 with its own data folder under /tmp.
/// It logs every connection and statement, so that a test can say what was sent and what was not.
/// Its port stays the same over stop and start, and lies below the ephemeral range: no outgoing
/// connection can take it while the server is down.
///
/// Promise:  ready for connections when the constructor or start() returns; ended, and its folder
///           removed, when the destructor returns or the test process dies.
/// Threads:  one at a time, but url, port, running, query and log_text: any.
/// Errors:   std::runtime_error with the tail of the server's log.
class PostgresCluster {
 public:
  explicit PostgresCluster(std::vector<std::string> extra_conf_lines = {});
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  void start();
  /// Fast shutdown: sessions are ended with 57P01, then a checkpoint.
  void stop();
  /// SIGKILL for the postmaster and all its children; the next start() runs crash recovery.
  void kill_hard();
  [[nodiscard]] bool running() const { return pid_ != 0; }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// postgresql://postgres@127.0.0.1:PORT/DATABASE, superuser, no password.
  [[nodiscard]] std::string url(std::string_view database = "postgres") const;
  /// Everything that the server has logged so far, over all its starts.
  [[nodiscard]] std::string log_text() const;
  /// Runs SQL through libpqxx, a client that shares no code with ours, and returns the last result
  /// as text; NULL is the empty string.
  std::vector<std::vector<std::string>> query(std::string_view sql,
                                              std::string_view database = "postgres") const;
  /// The folder that holds data, log and sockets.
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  void make_folder();
  void write_configuration(const std::vector<std::string>& extra_lines) const;
  void launch();
  [[nodiscard]] bool wait_until_ready();
  void end(int signal);

  std::string folder_;
  std::uint16_t port_ = 0;
  std::atomic<pid_t> pid_{0};
  /// Forks the postmaster and waits for its end. PR_SET_PDEATHSIG counts the death of the forking
  /// thread, so that thread must live as long as the server.
  std::jthread keeper_;
};

}  // namespace holdfast::support
