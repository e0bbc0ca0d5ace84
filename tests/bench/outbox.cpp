// Appends to an outbox file through the library, in groups of a fixed size: what a row costs the
// writer, and how a bench gets a backlog of any size.

#include "holdfast/outbox.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "options.hpp"
#include "sample.hpp"

using namespace holdfast;
using namespace holdfast::bench;

namespace {

using Seconds = std::chrono::duration<double>;

std::unique_ptr<Outbox> open_outbox(const std::string& path, const Clock& clock) {
  OutboxConfig config;
  config.path = path;
  config.max_size_bytes = std::numeric_limits<std::int64_t>::max();
  auto opened = Outbox::open(
      config,
      {.clock = clock,
       .log = [](const LogEvent&) {},
       .on_broken = [](const Failure& failure) { throw std::runtime_error(failure.message); },
       .vfs = {}});
  if (!opened) throw std::runtime_error(opened.error().message);
  return *std::move(opened);
}

/// What all entries have in common.
struct Kind {
  std::string source;
  std::size_t body_bytes;
  bool ordered;
  bool whatsapp;
};

Kind kind_of(Options& options) {
  const auto kind = options.text("kind", "sample");
  if (kind != "sample" && kind != "whatsapp")
    throw std::runtime_error("reading --kind: not one of sample, whatsapp");
  return {.source = options.text("source", "bench"),
          .body_bytes = options.count("body", 700),
          .ordered = options.count("ordered", 0) != 0,
          .whatsapp = kind == "whatsapp"};
}

NewEntry make_entry(std::uint64_t number, const Kind& kind, WallTime now) {
  NewEntry entry;
  entry.source = kind.source;
  entry.dedupe_key = sample_key(number);
  entry.received_at = now;
  entry.method = "POST";
  entry.target = sample_target;
  entry.remote_address = "127.0.0.1";
  entry.content_type = sample_type;
  entry.headers = {{"Host", "127.0.0.1"}, {"Content-Type", std::string(sample_type)}};
  entry.body = kind.whatsapp ? sample_webhook(number, kind.body_bytes)
                             : sample_body(number, kind.body_bytes);
  if (kind.ordered) entry.order_key = std::format("u{}", number % 1000);
  return entry;
}

/// Pauses the relay as an operator would, so that a daemon that opens the file waits for a resume.
void pause(Outbox& outbox) {
  std::jthread writer([&outbox](const std::stop_token& stop) { outbox.run_writer(stop); });
  if (const auto paused = outbox.keep_pause(std::nullopt, true, {.name = "bench"}); !paused)
    throw std::runtime_error(paused.error().message);
}

int append(Options& options) {
  const auto entries = options.count("entries", 64'000);
  const auto group = options.count("group", 64);
  const auto kind = kind_of(options);
  const bool paused = options.count("paused", 0) != 0;
  const SystemClock clock;
  const auto outbox = open_outbox(options.text("file", ""), clock);
  options.end();
  // What a start leaves to idle moments: the filter of the keys.
  while (outbox->run_once()) {
  }
  const auto first = outbox->stats().appended;
  Seconds writing{};
  const auto begin = clock.steady_now();
  std::vector<AppendTicket> tickets;
  for (std::size_t done = 0; done < entries; done += tickets.size()) {
    tickets.clear();
    while (tickets.size() < group && done + tickets.size() < entries)
      tickets.push_back(
          outbox->submit(make_entry(first + done + tickets.size(), kind, clock.wall_now())));
    const auto before = clock.steady_now();
    (void)outbox->run_once();
    writing += clock.steady_now() - before;
    for (auto& ticket : tickets) {
      const auto appended = ticket.wait(std::chrono::milliseconds(0));
      if (!appended) throw std::runtime_error(appended.error().message);
      if (appended->duplicate) throw std::runtime_error("appending: a key was there already");
    }
  }
  const Seconds all = clock.steady_now() - begin;
  if (paused) pause(*outbox);
  outbox->close();
  std::printf("{\"entries\":%zu,\"before\":%llu,\"row_us\":%.3f,\"whole_row_us\":%.3f}\n", entries,
              static_cast<unsigned long long>(first),
              writing.count() / static_cast<double>(entries) * 1e6,
              all.count() / static_cast<double>(entries) * 1e6);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    Options options(count, words, 1);
    return append(options);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "outbox: %s\n", problem.what());
    return 2;
  }
}
