#include "observe/sampler.hpp"

#include <exception>
#include <format>
#include <utility>

namespace holdfast::observe {

Sampler::Sampler(std::function<HealthSnapshot()> health, const Clock& clock, LogSink log)
    : health_(std::move(health)), clock_(clock), log_(std::move(log)) {}

void Sampler::run_once() {
  try {
    const auto snapshot = health_();
    const auto now = clock_.steady_now();
    history_.sample(snapshot, now);
    if (const auto event = filling_.look(snapshot, now)) log_(*event);
  } catch (const std::exception& error) {
    // A gap in a chart; the next sample is 10 s away.
    log_({LogLevel::error, "sample_failed", std::format("sampling: {}", error.what()), {}});
  }
}

void Sampler::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto next = clock_.steady_now() + History::step;
    run_once();
    never_.wait(never_.epoch(), next, stop);
  }
}

}  // namespace holdfast::observe
