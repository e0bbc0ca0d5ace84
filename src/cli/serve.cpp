#include <malloc.h>
#include <sys/resource.h>

#include <cstdlib>
#include <format>
#include <utility>

#include "cli/app.hpp"
#include "cli/output.hpp"
#include "cli/reload.hpp"
#include "cli/signals.hpp"
#include "holdfast/service.hpp"
#include "logging/log.hpp"

namespace holdfast::cli {
namespace {

/// What the defaults of the system would spoil.
void prepare_process() {
  // The soft limit of 1024 descriptors is for programs that use select(); ours may have more
  // senders.
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  // Bodies are large and short-lived: given back to the system at once. What is small comes and
  // goes with each request: some is kept, or every few requests would ask the system twice.
  constexpr int body_bytes_mapped = 256 * 1024;
  constexpr int kept_bytes = 4 * 1024 * 1024;
  mallopt(M_MMAP_THRESHOLD, body_bytes_mapped);
  mallopt(M_TRIM_THRESHOLD, kept_bytes);
  mallopt(M_TOP_PAD, body_bytes_mapped);
}

/// The end after an I/O error at commit: nothing is closed, because closing the database would
/// checkpoint, which is a second fsync after one that failed.
[[noreturn]] void leave_broken(const Failure& failure, logging::StderrLog& log) {
  log.sink()({LogLevel::error,
              "exit_unclosed",
              "Leaving without closing the outbox; check the disk and start again",
              {{"reason", failure.message}}});
  log.flush();
  std::_Exit(exit_failed);
}

void announce(const Service& service) {
  print(std::format("holdfast: ingress listening on http://{}\n",
                    service.ingress_address().to_string()));
  print(
      std::format("holdfast: admin listening on http://{}\n", service.admin_address().to_string()));
  std::fflush(stdout);
}

/// Returns when the process is to stop; a reload that is under way is over then.
void wait_for_stop(Signals& signals, Config config, Service& service, logging::StderrLog& log) {
  Reloader reloader(std::move(config), service, log);
  int signal = 0;
  while ((signal = signals.wait()) == SIGHUP) reloader.request();
  log.sink()({LogLevel::info,
              "stopping",
              "Stopping; what is not delivered yet stays pending",
              {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}}});
}

int serve(const Context& context) {
  auto config = load_config(context);
  if (!config) return config.error();
  prepare_process();
  Signals signals;
  logging::StderrLog log(config->log);
  const LogSink sink = log.sink();
  sink({LogLevel::info,
        "starting",
        "Starting Holdfast",
        {{"version", std::string(version())},
         {"configuration", config->origin},
         {"sources", std::to_string(config->sources.size())}}});
  log_warnings(*config, sink);
  const auto on_broken = [&log](const Failure& failure) { leave_broken(failure, log); };
  auto service =
      Service::start(*config, {.clock = context.clock,
                               .log = sink,
                               .on_broken = on_broken,
                               .log_lines_dropped = [&log] { return log.dropped(); },
                               .log_takes = [&log](LogLevel level) { return log.takes(level); }});
  if (!service) {
    log.flush();
    print_error(service.error().message);
    return exit_failed;
  }
  announce(**service);
  wait_for_stop(signals, *std::move(config), **service, log);
  Signals::exit_on_next();
  const bool ended = (*service)->stop();
  sink({LogLevel::info, "stopped", "Stopped", {}});
  log.flush();
  // A thread that hangs in a call to the system cannot be joined; all that was accepted is on disk.
  if (!ended) std::_Exit(exit_good);
  return exit_good;
}

}  // namespace

void add_serve(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("serve", "Run the daemon until SIGTERM or SIGINT")->fallthrough();
  command->callback([&context] { context.command = [&context] { return serve(context); }; });
}

}  // namespace holdfast::cli
