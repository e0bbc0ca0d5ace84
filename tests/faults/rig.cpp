#include "rig.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <sstream>
#include <stdexcept>

#include "support/delivery.hpp"
#include "support/wait.hpp"

namespace holdfast::faults {

using namespace support;
using namespace std::chrono_literals;

namespace {

Command hold_disk(const ScratchFolder& folder, const std::string& size) {
  std::filesystem::create_directory(folder.file("disk"));
  const std::string script =
      std::format("mount -t tmpfs -o size={} tmpfs '{}' && touch '{}' && exec sleep infinity", size,
                  folder.file("disk"), folder.file("ready"));
  return {.arguments = {"unshare", "-Urm", "sh", "-c", script}, .err_path = folder.file("problem")};
}

unsigned number_from(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

}  // namespace

SmallDisk::SmallDisk(const std::string& size) : holder_(hold_disk(folder_, size)) {
  const bool ready = eventually(
      [&] { return std::filesystem::exists(folder_.file("ready")) || !holder_.running(); }, 10s);
  if (!ready || !holder_.running())
    throw std::runtime_error("making a small disk: this machine permits no namespaces: " +
                             read_file(folder_.file("problem")));
  program_ = folder_.file("holdfast");
  // Entering another user namespace forgets who is to die with whom: setpriv says it again.
  write_file(program_, std::format("#!/bin/sh\nexec nsenter -t {} -U -m --preserve-credentials "
                                   "setpriv --pdeathsig=KILL -- '{}' \"$@\"\n",
                                   holder_.pid(), HOLDFAST_BINARY));
  ::chmod(program_.c_str(), 0700);
}

std::string SmallDisk::seen(const std::string& name) const {
  return std::format("/proc/{}/root{}/{}", holder_.pid(), folder_.file("disk"), name);
}

bool SmallDisk::remount(const std::string& mode) const {
  const auto result = run_command({.arguments = {"nsenter", "-t", std::to_string(holder_.pid()),
                                                 "-U", "-m", "--preserve-credentials", "mount",
                                                 "-o", "remount," + mode, folder_.file("disk")}});
  return result.exit_code == 0;
}

void SmallDisk::fill() const {
  const int file = ::open(seen("ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  REQUIRE(file >= 0);
  const std::string block(4096, 'b');
  while (::write(file, block.data(), block.size()) > 0) continue;
  ::close(file);
}

void SmallDisk::empty() const {
  std::filesystem::remove(seen("ballast"));
}

std::uint64_t SmallDisk::free_bytes() const {
  struct statvfs status{};
  REQUIRE(::statvfs(seen("").c_str(), &status) == 0);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

ControlPage::ControlPage() : path_(folder_.file("control")) {
  write_file(path_, std::string(shims::control_bytes, '\0'));
  page_ = shims::map_control(path_.c_str());
  REQUIRE(page_ != nullptr);
}

ControlPage::~ControlPage() {
  ::munmap(page_, shims::control_bytes);
}

void ControlPage::arm(std::int64_t n, std::int64_t count, int error) const {
  page_->counting = 0;
  for (auto* value : {&page_->calls, &page_->failed, &page_->kind, &page_->syncs_failed,
                      &page_->syncs_after_failure})
    *value = 0;
  page_->error = error;
  page_->fail_from = n;
  page_->fail_to = n + count - 1;
  page_->counting = 1;
}

void ControlPage::disarm() const {
  page_->counting = 0;
}

Load::Options endless_load(const Daemon& daemon, int first, int per_second) {
  return {.senders = 3,
          .writes = 1'000'000,
          .make = [first](int number) { return mixed_write(first + number); },
          .port = daemon.port(),
          .retry = true,
          .writes_per_second = per_second};
}

WriteOutcome post_patiently(const Daemon& daemon, WriteOutcome write) {
  HttpConnection connection(daemon.port(), 6s);
  const auto response = connection.exchange(write.request);
  write.last_status = response ? response->status : 0;
  if (response && response->accepted()) {
    write.ids.push_back(response->header("Holdfast-Id"));
  } else {
    ++(response ? write.refused : write.unanswered);
  }
  return write;
}

bool comes_up(const Daemon& daemon, std::chrono::milliseconds deadline) {
  (void)eventually([&] { return !daemon.running() || accepts_connections(daemon.port()); },
                   deadline);
  return daemon.running() && accepts_connections(daemon.port());
}

double processor_seconds(int pid) {
  std::string text = read_file(std::format("/proc/{}/stat", pid));
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::chrono::seconds soak_time() {
  return std::chrono::seconds(number_from("HOLDFAST_SOAK_SECONDS", 60));
}
unsigned soak_seed() {
  return number_from("HOLDFAST_SEED", 1);
}

Verdict judge(const PostgresCluster& cluster, const std::vector<WriteOutcome>& outcomes) {
  Verdict verdict;
  verdict.accepted = accepted_ids(outcomes).size();
  for (const auto& problem : delivery_problems(cluster, outcomes)) {
    ++(problem.contains("never arrived") ? verdict.lost : verdict.doubled);
    UNSCOPED_INFO(problem);
  }
  return verdict;
}

}  // namespace holdfast::faults
