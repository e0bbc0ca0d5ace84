#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "support/scratch_folder.hpp"

namespace holdfast::support {
namespace {

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> all{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "LC_ALL=C.UTF-8"};
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) all.push_back(std::string(name) + "=" + value);
  all.insert(all.end(), command.environment.begin(), command.environment.end());
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void send_to(int descriptor, const char* path) {
  const int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file >= 0) ::dup2(file, descriptor);
}

/// Runs in the child between fork and exec: only calls that are safe there, no memory is allocated.
[[noreturn]] void become(const Command& command, char** arguments, char** environment,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  send_to(STDOUT_FILENO, command.out_path.c_str());
  send_to(STDERR_FILENO, command.err_path.c_str());
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (::chdir(command.folder.c_str()) != 0) ::_exit(126);
  ::execvpe(arguments[0], arguments, environment);
  ::_exit(127);
}

}  // namespace

Process::Process(const Command& command) {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = environment_of(command);
  std::vector<char*> argument_pointers = pointers_to(arguments);
  std::vector<char*> environment_pointers = pointers_to(environment);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("starting " + command.arguments.at(0) + ": fork failed");
  if (pid_ == 0) become(command, argument_pointers.data(), environment_pointers.data(), parent);
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) {
    kill_hard();
    throw std::runtime_error("starting " + command.arguments.at(0) + ": pidfd_open failed");
  }
}

Process::~Process() {
  kill_hard();
  if (pidfd_ >= 0) ::close(pidfd_);
}

void Process::send_signal(int number) const {
  if (!exit_code_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds deadline) {
  if (exit_code_) return exit_code_;
  pollfd ended{pidfd_, POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(deadline.count())) <= 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

void Process::kill_hard() {
  if (exit_code_) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  if (::waitpid(pid_, &status, 0) == pid_)
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

CommandResult run_command(Command command, std::chrono::milliseconds deadline) {
  const ScratchFolder folder;
  command.out_path = folder.file("out");
  command.err_path = folder.file("err");
  Process process(command);
  const std::optional<int> code = process.wait(deadline);
  if (!code) throw std::runtime_error("running " + command.arguments.at(0) + ": not done in time");
  return {*code, read_file(command.out_path), read_file(command.err_path)};
}

std::vector<std::string> as_postgres(std::vector<std::string> arguments) {
  if (::geteuid() != 0) return arguments;
  std::vector<std::string> all{"setpriv",        "--reuid=postgres", "--regid=postgres",
                               "--clear-groups", "--pdeathsig=KILL", "--"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace holdfast::support
