#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <chrono>
#include <cstdio>

#include "holdfast/clock.hpp"

namespace holdfast::e2e {
namespace {

/// Prints how long each case took, so that the slow ones are seen where they run.
class Durations final : public Catch::EventListenerBase {
 public:
  using EventListenerBase::EventListenerBase;
  void testCaseStarting(const Catch::TestCaseInfo&) override { started_ = clock_.steady_now(); }
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    const std::chrono::duration<double> took = clock_.steady_now() - started_;
    std::fprintf(stderr, "%6.1f s  %s\n", took.count(), stats.testInfo->name.c_str());
  }

 private:
  SystemClock clock_;
  SteadyTime started_{};
};

CATCH_REGISTER_LISTENER(Durations)

}  // namespace
}  // namespace holdfast::e2e
