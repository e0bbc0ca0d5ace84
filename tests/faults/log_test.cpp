#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <format>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::faults;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

/// A script that runs the daemon with its standard error somewhere else.
class Redirected {
 public:
  explicit Redirected(const std::string& redirection) : program_(folder_.file("holdfast")) {
    write_file(program_,
               std::format("#!/bin/bash\nexec '{}' \"$@\" {}\n", HOLDFAST_BINARY, redirection));
    ::chmod(program_.c_str(), 0700);
  }
  [[nodiscard]] const std::string& program() const { return program_; }

 private:
  ScratchFolder folder_;
  std::string program_;
};

/// Writes, delivery and a quick end, with a log at level debug that nobody takes.
void goes_on(const std::string& redirection) {
  PostgresCluster cluster;
  const Redirected script(redirection);
  DaemonConfig config = e2e::config_for(cluster.url());
  config.binary = script.program();
  config.environment = {"HOLDFAST_LOG_LEVEL=debug"};
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  for (int i = 0; i < 300; ++i) {
    outcomes.push_back(post_patiently(daemon, mixed_write(i)));
    REQUIRE(outcomes.back().last_status == 202);
    // Each of these is a line of log, more than a pipe holds.
    if (i % 3 == 0) (void)get(daemon.port(), "/nowhere/" + std::string(300, 'x'));
  }
  everything_arrives(daemon, cluster, outcomes);
  const SystemClock clock;
  const auto before = clock.steady_now();
  CHECK(daemon.terminate() == 0);
  CHECK(clock.steady_now() - before < 5s);
}

}  // namespace

TEST_CASE("faults: a log that nobody reads holds up neither writes nor delivery nor the end",
          "[faults][log]") {
  const ScratchFolder folder;
  const std::string pipe = folder.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  // Open for reading, and never read.
  const int end = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(end >= 0);
  REQUIRE(::fcntl(end, F_SETPIPE_SZ, 4096) >= 0);
  goes_on(std::format("2> '{}'", pipe));
  ::close(end);
}

TEST_CASE("faults: a log whose reader has gone is no reason to stop", "[faults][log]") {
  // The reader leaves after the first line; each later write meets EPIPE.
  goes_on("2> >(head -n 1 >/dev/null)");
}

TEST_CASE("faults: a log on a full disk is no reason to stop", "[faults][log]") {
  goes_on("2> /dev/full");
}
