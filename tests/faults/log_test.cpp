#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <format>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/http.hpp"
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

/// A pipe that is open for reading and holds a page: a reader that is stuck, until it is read.
class StuckPipe {
 public:
  StuckPipe() {
    REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
    end_ = ::open(path().c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    REQUIRE(end_ >= 0);
    REQUIRE(::fcntl(end_, F_SETPIPE_SZ, 4096) >= 0);
  }
  ~StuckPipe() { ::close(end_); }
  StuckPipe(const StuckPipe&) = delete;
  StuckPipe& operator=(const StuckPipe&) = delete;
  [[nodiscard]] std::string path() const { return folder_.file("pipe"); }
  /// What is in it now.
  [[nodiscard]] std::string take() const {
    std::string text(65'536, '\0');
    const auto size = ::read(end_, text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
  }

 private:
  ScratchFolder folder_;
  int end_ = -1;
};

/// Writes, delivery and a quick end, with a log at level debug that nobody takes.
void goes_on(const std::string& redirection) {
  PostgresCluster cluster;
  const Redirected script(redirection);
  DaemonConfig config = e2e::config_for(cluster.url());
  config.binary = script.program();
  config.sources = "[log]\nlevel = \"debug\"\n" + config.sources;
  Daemon daemon(config);
  daemon.start();
  const SystemClock clock;
  SteadyTime::duration slowest{};
  std::vector<WriteOutcome> outcomes;
  for (int i = 0; i < 300; ++i) {
    const auto begun = clock.steady_now();
    outcomes.push_back(post_patiently(daemon, mixed_write(i)));
    REQUIRE(outcomes.back().last_status == 202);
    slowest = std::max(slowest, clock.steady_now() - begun);
    // Each of these is a line of log, more than a pipe holds.
    if (i % 3 == 0) (void)get(daemon.port(), "/nowhere/" + std::string(300, 'x'));
  }
  CHECK(slowest < 2s);
  everything_arrives(daemon, cluster, outcomes);
  const auto before = clock.steady_now();
  CHECK(daemon.terminate() == 0);
  CHECK(clock.steady_now() - before < 5s);
}

}  // namespace

TEST_CASE("faults: a log that nobody reads holds up neither writes nor delivery nor the end",
          "[faults][log]") {
  const StuckPipe pipe;
  goes_on(std::format("2> '{}'", pipe.path()));
}

TEST_CASE("faults: what a stuck reader of the log lost is counted, and told when it reads again",
          "[faults][log]") {
  const StuckPipe pipe;
  const Redirected script(std::format("2> '{}'", pipe.path()));
  DaemonConfig config = e2e::config_for("");
  config.binary = script.program();
  config.sources = "[log]\nlevel = \"debug\"\n" + config.sources;
  Daemon daemon(config);
  daemon.start();
  // More lines than the pipe and the queue hold.
  HttpConnection sender(daemon.port());
  for (int i = 0; i < 10'000; ++i)
    REQUIRE(sender.exchange({.method = "GET", .target = "/nowhere"})->status == 404);
  const auto lost = [&] {
    const auto metrics = get(daemon.admin_port(), "/metrics").body;
    const std::string name = "\nholdfast_log_lines_dropped_total ";
    return std::stoull(metrics.substr(metrics.find(name) + name.size()));
  };
  CHECK(lost() > 1000);
  CHECK(post_one(daemon, write_number(1, true)).last_status == 202);
  std::string text;
  const auto told = [&] {
    text += pipe.take();
    return text.contains(" warn log_lines_dropped: ");
  };
  REQUIRE(eventually([&] { return told(); }, 30s));
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("faults: a log whose reader has gone is no reason to stop", "[faults][log]") {
  // The reader leaves after the first line; each later write meets EPIPE.
  goes_on("2> >(head -n 1 >/dev/null)");
}

TEST_CASE("faults: a log on a full disk is no reason to stop", "[faults][log]") {
  goes_on("2> /dev/full");
}
