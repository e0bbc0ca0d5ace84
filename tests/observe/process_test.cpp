#include "observe/process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "exposition.hpp"
#include "holdfast/clock.hpp"

namespace {

using holdfast::observe::process_metrics_text;
using holdfast::test::parse_exposition;

double value(const std::string& name) {
  return parse_exposition(process_metrics_text()).at(name).at(name);
}

TEST_CASE("process: its figures are those of this process", "[observe][metrics]") {
  CHECK(parse_exposition(process_metrics_text()).size() == 5);
  CHECK(value("process_cpu_seconds_total") > 0);
  CHECK(value("process_resident_memory_bytes") > 1024.0 * 1024);
  CHECK(value("process_max_fds") >= value("process_open_fds"));
  const double before = value("process_open_fds");
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(value("process_open_fds") == before + 1);
  ::close(file);
  const auto now =
      std::chrono::duration<double>(holdfast::SystemClock().wall_now().time_since_epoch()).count();
  CHECK(value("process_start_time_seconds") <= now + 2);
  CHECK(value("process_start_time_seconds") > now - 3600);
}

}  // namespace
