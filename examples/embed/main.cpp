// Stores each line of standard input in a durable outbox; a relay takes it to Postgres, now or when
// Postgres is back. What the program has printed an id for outlives kill -9 and a power cut.
//
//   DATABASE_URL=postgresql://… embed outbox.db < orders.jsonl
#include <cstdio>
#include <cstdlib>
#include <holdfast/embedded_outbox.hpp>
#include <iostream>
#include <print>
#include <string>

namespace {

using namespace std::chrono_literals;

int fail(const holdfast::Failure& failure) {
  std::println(stderr, "embed: {}", failure.message);
  return 1;
}

void log(const holdfast::LogEvent& event) {
  if (event.level < holdfast::LogLevel::warn) return;
  std::println(stderr, "embed: {}: {}", event.name, event.message);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::println(stderr, "usage: embed OUTBOX-FILE < lines of JSON");
    return 2;
  }
  holdfast::EmbeddedOptions options;
  options.outbox.path = argv[1];
  // Without a URL the entries wait in the file.
  if (const char* url = std::getenv("DATABASE_URL"))
    options.destination.url = holdfast::Secret(url);
  options.sources = {{.name = "orders"}};

  holdfast::EmbeddedOutbox::Dependencies dependencies;
  dependencies.log = log;
  auto opened = holdfast::EmbeddedOutbox::open(std::move(options), std::move(dependencies));
  if (!opened) return fail(opened.error());
  holdfast::EmbeddedOutbox& outbox = **opened;

  for (std::string line; std::getline(std::cin, line);) {
    holdfast::NewEntry entry;
    entry.source = "orders";
    entry.dedupe_key = line;  // The same line twice is one order.
    entry.content_type = "application/json";
    entry.body = line;
    const auto stored = outbox.append(std::move(entry));
    if (!stored) return fail(stored.error());
    std::println("{} {}", stored->id.to_string(), stored->duplicate ? "duplicate" : "stored");
    std::fflush(stdout);
  }

  const bool drained = outbox.await_drained(10s);
  std::println("{}", drained ? "all delivered" : "the rest is delivered by the next run");
  return outbox.stop() ? 0 : 1;
}
