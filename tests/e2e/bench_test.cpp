#include <catch2/catch_test_macros.hpp>

#include "support/process.hpp"

using namespace holdfast::support;

// Nothing about speed: that the bench measures the daemon, and that a wrong answer, a server that
// is not there and a figure that falls short are told as such.
TEST_CASE("e2e: the bench measures, and says so when what it measures is wrong", "[e2e][bench]") {
  const auto result = run_command(
      {.arguments = {"python3", HOLDFAST_SOURCE_DIR "/tests/bench/bench.py", "--self-test",
                     "--build", HOLDFAST_BUILD_DIR, "--daemon", HOLDFAST_BINARY}},
      std::chrono::seconds(120));
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.out == "bench: self-test: passed\n");
}
