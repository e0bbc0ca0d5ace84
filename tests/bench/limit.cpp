// What Holdfast is measured against: `bare`, an HTTP server that stores nothing; `sync`, what the
// disk takes for one small durable append; `insert`, a plain table in SQLite; `copy` and `unnest`,
// the inbox in Postgres filled by hand; `declared` and `whatsapp`, what entries mean, written by
// hand; `direct`, one INSERT for each request.

#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "inbox_by_hand.hpp"
#include "latency.hpp"
#include "operations_by_hand.hpp"
#include "options.hpp"
#include "outbox_rows.hpp"
#include "plain_insert.hpp"

using namespace holdfast::bench;

namespace {

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// Answers every POST as the daemon would, and that is all. Runs until it is killed.
int serve_bare(Options& options) {
  const auto threads = options.count("threads", 320);
  options.end();
  httplib::Server server;
  server.new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(static_cast<std::size_t>(-1));
  server.set_keep_alive_timeout(60);
  socket_t listener = INVALID_SOCKET;
  server.set_socket_options([&listener](socket_t socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    listener = socket;
  });
  server.Post(".*", [](const httplib::Request& request, httplib::Response& response) {
    response.status = request.body.empty() ? 400 : 202;
    response.set_header("Holdfast-Id", "01900000-0000-7000-8000-000000000000");
    response.set_content(R"({"id":"01900000-0000-7000-8000-000000000000","duplicate":false})",
                         "application/json");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  // The library's own backlog is 5, and a burst of connections would wait for a second.
  if (port < 0 || ::listen(listener, 4096) != 0)
    throw std::runtime_error("listening on 127.0.0.1: no port to be had");
  std::printf("listening on http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  return server.listen_after_bind() ? 0 : 1;
}

/// Appends 4 KiB and syncs, again and again.
int probe_sync(Options& options) {
  const auto path = options.text("file", "");
  const auto end = now() + static_cast<std::int64_t>(options.number("seconds", 1) * 1e9);
  const auto writes_max = options.count("writes", 100'000);
  options.end();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("opening --file " + path + ": cannot be made");
  const std::string page(4096, 'x');
  Latencies whole;
  Latencies alone;
  while (now() < end && whole.size() < writes_max) {
    const auto begin = now();
    if (::write(file, page.data(), page.size()) != static_cast<ssize_t>(page.size()))
      throw std::runtime_error("writing to --file " + path + ": disk full?");
    const auto written = now();
    if (::fdatasync(file) != 0) throw std::runtime_error("syncing --file " + path + ": failed");
    const auto synced = now();
    whole.add(synced - begin);
    alone.add(synced - written);
  }
  ::close(file);
  ::unlink(path.c_str());
  std::printf("{\"writes\":%zu,%s,%s}\n", whole.size(), whole.json().c_str(),
              alone.json("sync_").c_str());
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::string what = count > 1 ? words[1] : "";
    Options options(count, words, 2);
    if (what == "bare") return serve_bare(options);
    if (what == "sync") return probe_sync(options);
    if (what == "insert") return insert_plainly(options);
    if (what == "rows") return insert_outbox_rows(options);
    if (what == "copy") return drain_by_copy(options);
    if (what == "unnest") return drain_by_unnest(options);
    if (what == "declared") return write_declared(options);
    if (what == "whatsapp") return write_whatsapp(options);
    if (what == "direct") return insert_directly(options);
    throw std::runtime_error(
        "reading the command: not one of bare, sync, insert, rows, copy, unnest, declared, "
        "whatsapp, direct");
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "limit: %s\n", problem.what());
    return 2;
  }
}
