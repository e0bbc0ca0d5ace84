#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

/// The child: appends from four threads and writes each acknowledged id to the pipe, until it is
/// killed.
[[noreturn]] void append_for_ever(const std::string& path, int pipe) {
  const SystemClock clock;
  OutboxConfig config;
  config.path = path;
  auto opened = Outbox::open(config, {clock, [](const LogEvent&) {}, {}, {}, true});
  if (!opened) ::_exit(3);
  auto& outbox = **opened;
  const RunningWriter writer(outbox);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const auto appended = outbox.append(make_entry(body_of(200, t * 1'000'000 + i)), 30s);
        if (!appended) ::_exit(4);
        if (::write(pipe, appended->id.bytes.data(), 16) != 16) ::_exit(5);
      }
    });
  threads.clear();
  ::_exit(6);
}

/// Runs the child until it has acknowledged `count` entries, then kills it; the ids it
/// acknowledged.
std::vector<Uuid> run_and_kill(const std::string& path, std::size_t count) {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) append_for_ever(path, pipe[1]);
  ::close(pipe[1]);
  std::vector<Uuid> acknowledged;
  Uuid id;
  // Sixteen bytes into a pipe are written in one piece.
  while (::read(pipe[0], id.bytes.data(), 16) == 16) {
    acknowledged.push_back(id);
    if (acknowledged.size() == count) ::kill(child, SIGKILL);
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  return acknowledged;
}

}  // namespace

TEST_CASE("outbox: after kill -9 every acknowledged entry is there", "[outbox][crash]") {
  Box box;
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::minstd_rand random(seed);
  std::vector<Uuid> acknowledged;
  for (int round = 0; round < 5; ++round) {
    const auto ids = run_and_kill(box.config.path, 20 + random() % 400);
    CHECK(ids.size() >= 20);
    acknowledged.insert(acknowledged.end(), ids.begin(), ids.end());
  }
  REQUIRE(box.wal_bytes() > 0);
  box.open();
  CHECK(box.wal_bytes() == 0);
  CHECK(box.logged("outbox_recovered"));
  std::vector<Uuid> stored;
  for (const auto& entry : box.claim()) stored.push_back(entry.id);
  CHECK(std::is_sorted(stored.begin(), stored.end()));
  for (const auto& id : acknowledged) CHECK(std::binary_search(stored.begin(), stored.end(), id));
  CHECK(box.count(EntryState::pending) == stored.size());
  CHECK(box.sql("PRAGMA integrity_check") == "ok\n");
}
