#include "cli/reload.hpp"

#include <format>
#include <utility>

#include "cli/destination_check.hpp"
#include "config/difference.hpp"

namespace holdfast::cli {
namespace {

/// A file that is wrong in every line is not shown line by line, and what repeats too often in the
/// log is summed up.
constexpr std::size_t errors_shown_max = 10;

std::string joined(const std::vector<std::string>& names, std::string_view between) {
  std::string list;
  for (const auto& name : names) {
    if (!list.empty()) list += between;
    list += name;
  }
  return list;
}

std::optional<std::string> file_of(const Config& config) {
  if (config.origin == Config().origin) return std::nullopt;
  return config.origin;
}

}  // namespace

void log_warnings(const Config& config, const LogSink& sink) {
  for (const auto& warning : config.warnings)
    sink({LogLevel::warn,
          "configuration_warning",
          warning.message,
          {{"key", warning.key}, {"line", std::to_string(warning.line)}}});
}

Reloader::Reloader(Config in_force, Service& service, logging::StderrLog& log)
    : service_(service),
      log_(log),
      sink_(log.sink()),
      file_(file_of(in_force)),
      in_force_(std::move(in_force)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Reloader::run(const std::stop_token& stop) {
  for (std::uint64_t done = 0;;) {
    requests_.wait(done, std::nullopt, stop);
    if (stop.stop_requested()) return;
    done = requests_.epoch();
    try {
      reload(stop);
    } catch (const std::exception& error) {
      tell(error);
    }
  }
}

/// Where there is no memory, there may be none for a line of the log either.
void Reloader::tell(const std::exception& error) const noexcept {
  try {
    refuse(std::format("reloading: {}", error.what()));
  } catch (const std::exception&) {
    return;
  }
}

void Reloader::reload(const std::stop_token& stop) {
  auto now = load_checked(file_);
  if (!now) return refuse(now.error());
  const auto difference = config::difference(in_force_, *now);
  if (!difference.needs_restart.empty()) {
    sink_({LogLevel::error,
           "reload_refused",
           "A change of these keys needs a restart; nothing was changed",
           {{"file", now->origin}, {"keys", joined(difference.needs_restart, ", ")}}});
    return;
  }
  if (difference.none()) {
    sink_({LogLevel::info,
           "reload_unchanged",
           "The configuration is the one in force",
           {{"file", now->origin}}});
    return;
  }
  if (auto reloaded = service_.reload(*now, stop); !reloaded) {
    if (!stop.stop_requested()) refuse(reloaded.error().message);
    return;
  }
  take(*std::move(now), difference.changed);
}

/// Says so at whichever of the two levels lets it through.
void Reloader::take(Config now, const std::vector<std::string>& changed) {
  const bool heard = in_force_.log.level == "debug" || in_force_.log.level == "info";
  if (!heard) log_.set_level(now.log.level);
  log_warnings(now, sink_);
  sink_({LogLevel::info,
         "reloaded",
         "The configuration was reloaded",
         {{"file", now.origin}, {"changed", joined(changed, "; ")}}});
  log_.set_level(now.log.level);
  in_force_ = std::move(now);
}

void Reloader::refuse(const config::ConfigErrors& errors) const {
  std::size_t shown = 0;
  for (const auto& error : errors.list) {
    if (++shown > errors_shown_max) break;
    sink_({LogLevel::error,
           "reload_refused",
           error.message,
           {{"file", errors.origin}, {"line", std::to_string(error.line)}, {"key", error.key}}});
  }
  if (errors.list.size() > errors_shown_max)
    refuse(std::format("reading {}: {} errors more; run holdfast validate", errors.origin,
                       errors.list.size() - errors_shown_max));
}

void Reloader::refuse(const std::string& reason) const {
  sink_({LogLevel::error, "reload_refused", reason + "; the old configuration stays"});
}

}  // namespace holdfast::cli
