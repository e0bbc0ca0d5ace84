#include "support/postgres_cluster.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <pqxx/pqxx>
#include <sstream>
#include <stdexcept>

#include "holdfast/clock.hpp"
#include "support/tcp_gate.hpp"

namespace holdfast::support {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// PostgreSQL refuses to run as root; as anybody else its programs run directly.
struct RunAs {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  bool switch_user = false;
};

RunAs run_as() {
  if (geteuid() != 0) return {};
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) throw std::runtime_error("finding user postgres: no such user");
  return {user->pw_uid, user->pw_gid, true};
}

std::string program(std::string_view name) {
  for (const int version : {17, 16, 15, 14}) {
    const std::string path = std::format("/usr/lib/postgresql/{}/bin/{}", version, name);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  throw std::runtime_error(std::format("finding {}: no PostgreSQL is installed", name));
}

/// Forks and executes with output to `log`. The child dies by `death_signal` with this thread.
pid_t spawn(const std::vector<std::string>& command, const std::string& log, int death_signal) {
  const RunAs as = run_as();
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("starting a process: fork failed");
  if (pid > 0) return pid;
  // Only async-signal-safe calls from here: other threads may hold any lock.
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  // Its own group, so that a Ctrl-C for the test does not reach the server first.
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (as.switch_user && (setgroups(0, nullptr) != 0 || setgid(as.gid) != 0 || setuid(as.uid) != 0))
    _exit(126);
  // After setuid, which clears it.
  prctl(PR_SET_PDEATHSIG, death_signal);
  if (chdir("/tmp") != 0) _exit(126);
  for (int fd = 3; fd < 256; ++fd) close(fd);
  execv(arguments[0], arguments.data());
  _exit(127);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void run(const std::vector<std::string>& command, const std::string& log) {
  const pid_t pid = spawn(command, log, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0)
    throw std::runtime_error(
        std::format("running {}: status {}:\n{}", command.front(), status, read_file(log)));
}

bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& condition) {
  const SystemClock clock;
  const auto deadline = clock.steady_now() + limit;
  while (!condition()) {
    if (clock.steady_now() >= deadline) return false;
    ::poll(nullptr, 0, 10);
  }
  return true;
}

/// initdb takes seconds and a copy a tenth of one: all test processes share one template.
std::string template_folder() {
  const RunAs as = run_as();
  const std::string base = std::format("/tmp/holdfast-test-pg-template-{}", as.uid);
  const std::string ready = base + "/ready";
  const int lock = open((base + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) != 0)
    throw std::runtime_error("locking the template of the test clusters: " + base);
  const std::unique_ptr<const int, void (*)(const int*)> unlock(&lock,
                                                                [](auto* fd) { close(*fd); });
  if (fs::exists(ready + "/PG_VERSION")) return ready;
  fs::remove_all(base);
  fs::create_directory(base);
  if (as.switch_user && chown(base.c_str(), as.uid, as.gid) != 0)
    throw std::runtime_error("giving the template folder to user postgres");
  run({program("initdb"), "-D", base + "/making", "-U", "postgres", "-A", "trust", "--no-sync",
       "-E", "UTF8", "--locale=C", "--wal-segsize=1"},
      base + ".log");
  fs::rename(base + "/making", ready);
  return ready;
}

/// Children of a process: pid and start time, so that a reused pid is not taken for the old one.
using Process = std::pair<pid_t, std::string>;

std::string field_of_stat(pid_t pid, int wanted) {
  const std::string stat = read_file(std::format("/proc/{}/stat", pid));
  const auto end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos) return {};
  std::istringstream fields(stat.substr(end_of_name + 2));
  std::string field;
  for (int i = 3; i <= wanted; ++i) fields >> field;
  return field;
}

std::vector<Process> children_of(pid_t parent) {
  std::vector<Process> children;
  for (const auto& folder : fs::directory_iterator("/proc")) {
    const std::string name = folder.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = std::atoi(name.c_str());
    if (field_of_stat(pid, 4) == std::to_string(parent))
      children.emplace_back(pid, field_of_stat(pid, 22));
  }
  return children;
}

bool is_gone(const Process& process) {
  const std::string state = field_of_stat(process.first, 3);
  return state.empty() || state == "Z" || state == "X" ||
         field_of_stat(process.first, 22) != process.second;
}

}  // namespace

PostgresCluster::PostgresCluster(std::vector<std::string> extra_conf_lines) {
  make_folder();
  try {
    for (int tries = 0;; ++tries) {
      port_ = unused_port();
      write_configuration(extra_conf_lines);
      launch();
      if (wait_until_ready()) return;
      end(SIGQUIT);
      // Another process may have taken the port in between.
      if (tries == 3) throw std::runtime_error("starting PostgreSQL: not ready:\n" + log_text());
    }
  } catch (...) {
    end(SIGQUIT);
    fs::remove_all(folder_);
    throw;
  }
}

PostgresCluster::~PostgresCluster() {
  end(SIGQUIT);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void PostgresCluster::make_folder() {
  const RunAs as = run_as();
  const std::string from = template_folder();
  std::string name = "/tmp/holdfast-pg-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("making a folder under /tmp");
  folder_ = name;
  if (as.switch_user && chown(folder_.c_str(), as.uid, as.gid) != 0)
    throw std::runtime_error("giving the folder to user postgres");
  run({"/bin/cp", "-a", "--reflink=auto", from, folder_ + "/data"}, folder_ + "/log");
}

void PostgresCluster::write_configuration(const std::vector<std::string>& extra_lines) const {
  static const std::string original = read_file(template_folder() + "/postgresql.conf");
  std::ofstream out(folder_ + "/data/postgresql.conf", std::ios::trunc);
  out << original << "\nlisten_addresses = '127.0.0.1'\nport = " << port_
      << "\nunix_socket_directories = '" << folder_ << "'\n"
      << "fsync = off\nlog_connections = on\nlog_disconnections = on\nlog_statement = 'all'\n"
      << "timezone = 'UTC'\nlog_timezone = 'UTC'\n";
  for (const auto& line : extra_lines) out << line << '\n';
}

void PostgresCluster::launch() {
  std::promise<pid_t> started;
  auto pid = started.get_future();
  keeper_ = std::jthread([this, started = std::move(started)]() mutable {
    try {
      const pid_t child =
          spawn({program("postgres"), "-D", folder_ + "/data"}, folder_ + "/log", SIGQUIT);
      pid_ = child;
      started.set_value(child);
      // WNOWAIT keeps the pid from being reused until pid_ says that it is gone.
      siginfo_t info{};
      waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
      pid_ = 0;
      waitpid(child, nullptr, 0);
    } catch (...) {
      started.set_exception(std::current_exception());
    }
  });
  (void)pid.get();
}

bool PostgresCluster::wait_until_ready() {
  bool ready = false;
  const std::string target = url() + "?connect_timeout=5";
  (void)wait_until(60s, [&] {
    ready = running() && PQping(target.c_str()) == PQPING_OK;
    return ready || !running();
  });
  return ready;
}

void PostgresCluster::start() {
  if (running()) return;
  if (keeper_.joinable()) keeper_.join();
  launch();
  if (!wait_until_ready())
    throw std::runtime_error("starting PostgreSQL again: not ready:\n" + log_text());
}

void PostgresCluster::stop() {
  end(SIGINT);
}

void PostgresCluster::end(int signal) {
  if (const pid_t pid = pid_; pid != 0) {
    kill(pid, signal);
    if (!wait_until(30s, [&] { return !running(); })) kill_hard();
  }
  if (keeper_.joinable()) keeper_.join();
}

void PostgresCluster::kill_hard() {
  const pid_t pid = pid_;
  if (pid == 0) return;
  // A stopped postmaster makes no new child while the list is read.
  kill(pid, SIGSTOP);
  const auto children = children_of(pid);
  kill(pid, SIGKILL);
  for (const auto& child : children)
    if (!is_gone(child)) kill(child.first, SIGKILL);
  for (const auto& child : children)
    if (!wait_until(30s, [&] { return is_gone(child); }))
      throw std::runtime_error("killing PostgreSQL: a child stays");
  if (keeper_.joinable()) keeper_.join();
}

std::string PostgresCluster::url(std::string_view database) const {
  return std::format("postgresql://postgres@127.0.0.1:{}/{}", port_, database);
}

std::string PostgresCluster::log_text() const {
  return read_file(folder_ + "/log");
}

std::vector<std::vector<std::string>> PostgresCluster::query(std::string_view sql,
                                                             std::string_view database) const {
  pqxx::connection connection(url(database) + "?application_name=test");
  connection.set_notice_handler([](pqxx::zview) {});
  pqxx::nontransaction session(connection);
  std::vector<std::vector<std::string>> lines;
  for (const auto& row : session.exec(std::string(sql))) {
    auto& line = lines.emplace_back();
    for (const auto& value : row) line.emplace_back(value.view());
  }
  return lines;
}

}  // namespace holdfast::support
