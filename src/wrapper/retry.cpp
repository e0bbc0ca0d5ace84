#include "holdfast/retry.hpp"

#include <format>

#include "holdfast/failure.hpp"
#include "wrapper/limits.hpp"

namespace holdfast {
namespace {

constexpr std::uint32_t retries_max = 100;

[[noreturn]] void refuse_policy(std::string_view cause_and_cure) {
  throw Error({FailureKind::invalid, std::format("making a RetryPolicy: {}", cause_and_cure)});
}

}  // namespace

RetryPolicy::RetryPolicy(RetryOptions options) : options_(std::move(options)) {
  using std::chrono::milliseconds;
  using wrapper::wait_max;
  if (options_.retries > retries_max)
    refuse_policy(std::format("retries is {}; give 0 to {}", options_.retries, retries_max));
  if (options_.delay_base < milliseconds(1))
    refuse_policy(std::format("delay_base is {}; give 1 ms or more, or retries = 0 for no retry",
                              options_.delay_base));
  if (options_.delay_base > wait_max)
    refuse_policy(
        std::format("delay_base is {}; give up to {} (a day)", options_.delay_base, wait_max));
  if (options_.delay_max < options_.delay_base)
    refuse_policy(std::format("delay_max is {}; give delay_base ({}) or more", options_.delay_max,
                              options_.delay_base));
  if (options_.delay_max > wait_max)
    refuse_policy(
        std::format("delay_max is {}; give up to {} (a day)", options_.delay_max, wait_max));
  // Also refuses what is no number.
  if (!(options_.jitter >= 0.0 && options_.jitter <= 1.0))
    refuse_policy(
        std::format("jitter is {}; give 0 (none) to 1 (the whole delay)", options_.jitter));
  if (options_.deadline && *options_.deadline < milliseconds(1))
    refuse_policy(std::format("deadline is {}; give 1 ms or more, or leave it out for none",
                              *options_.deadline));
  if (options_.deadline && *options_.deadline > wait_max)
    refuse_policy(std::format("deadline is {}; give up to {} (a day), or leave it out for none",
                              *options_.deadline, wait_max));
}

RetryPolicy RetryPolicy::critical() {
  RetryOptions options;
  options.retries = 5;
  options.delay_base = std::chrono::seconds(2);
  return RetryPolicy(std::move(options));
}

}  // namespace holdfast
