// A crowd that takes more memory than there is. Scenario 32.

#include <sys/resource.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <format>

#include "rig.hpp"
#include "support/scratch_folder.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;

namespace {

/// Lets a process have some bytes more than it has, for as long as this lives.
class LittleMemory {
 public:
  LittleMemory(int pid, std::uint64_t more) : pid_(pid) {
    const auto status = support::read_file(std::format("/proc/{}/status", pid));
    const auto data_kib = std::stoull(status.substr(status.find("VmData:") + 7));
    REQUIRE(::prlimit(pid_, RLIMIT_DATA, nullptr, &usual_) == 0);
    const rlimit scarce{data_kib * 1024 + more, usual_.rlim_max};
    REQUIRE(::prlimit(pid_, RLIMIT_DATA, &scarce, nullptr) == 0);
  }
  ~LittleMemory() { ::prlimit(pid_, RLIMIT_DATA, &usual_, nullptr); }
  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;

 private:
  const int pid_;
  rlimit usual_{};
};

}  // namespace

TEST_CASE("hostile: a crowd for which there is no memory goes, and the daemon lives on",
          "[hostile][memory]") {
  if (!memory_counts()) {
    WARN("not shown in this build: a sanitizer has memory of its own");
    return;
  }
  need_descriptors(4096);
  Target target("request_deadline = \"60s\"\n");
  target.note(post_healthily(target.port(), 20, true).ids);
  std::string half = head("Content-Length: 2000000\r\nX-Long: " + std::string(4000, 'l') + "\r\n");
  const std::string piece(20'000, 'b');
  std::size_t gone = 0;
  for (const std::uint64_t more : {0U, 512U * 1024U, 4U * 1024U * 1024U}) {
    Crowd crowd(target.port());
    {
      const LittleMemory scarce(target.pid(), more);
      crowd.open(300, 100, half);
      for (int i = 0; i < 20; ++i) {
        crowd.send(piece);
        (void)crowd.open_at_most(0, 20ms);
      }
      gone += 300 - crowd.open_count();
    }
    REQUIRE(target.daemon().running());
    const auto healthy = post_healthily(target.port(), 20, true);
    target.note(healthy.ids);
    check_healthy(healthy);
  }
  std::printf("  %zu of 900 connections found no memory\n", gone);
  CHECK(gone > 0);
  target.finish(Target::Answers::some_lost);
}
