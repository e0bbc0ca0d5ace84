#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <functional>

#include "holdfast/embedded_outbox.hpp"
#include "support/fake_destination.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using support::ScratchFolder;

struct Fault {
  const char* names;
  const char* cure;
  std::function<void(EmbeddedOptions&)> make;
};

EmbeddedOptions options_in(const ScratchFolder& folder) {
  EmbeddedOptions options;
  options.outbox.path = folder.file("outbox.db");
  options.sources = {{.name = "orders"}};
  return options;
}

NewEntry entry_of(std::string source, std::string body = "{}",
                  std::optional<std::string> key = std::nullopt) {
  NewEntry entry;
  entry.source = std::move(source);
  entry.body = std::move(body);
  entry.dedupe_key = std::move(key);
  return entry;
}

}  // namespace

TEST_CASE("embedded: options that cannot work are refused by name, and nothing is made",
          "[embedded][options]") {
  const auto fault = GENERATE(values<Fault>({
      {"outbox.path", "give a path", [](auto& o) { o.outbox.path.clear(); }},
      {"outbox.path", "give a path", [](auto& o) { o.outbox.path = ":memory:"; }},
      {"outbox.max_size_bytes", "give 1048576 to",
       [](auto& o) { o.outbox.max_size_bytes = mib - 1; }},
      {"outbox.keep_delivered", "give 0ms", [](auto& o) { o.outbox.keep_delivered = -1ms; }},
      {"outbox.dedupe_window", "give 0ms", [](auto& o) { o.outbox.dedupe_window = -1h; }},
      {"destination.schema", "another name", [](auto& o) { o.destination.schema = "pg_mine"; }},
      {"sources", "add one", [](auto& o) { o.sources.clear(); }},
      {"sources", "letters", [](auto& o) { o.sources[0].name = "a b"; }},
      {"sources", "letters", [](auto& o) { o.sources[0].name = std::string(65, 'a'); }},
      {"sources", "name of its own", [](auto& o) { o.sources.push_back({.name = "orders"}); }},
      {"destination.connections", "give 1 to 64", [](auto& o) { o.destination.connections = 0; }},
      {"destination.connections", "give 1 to 64", [](auto& o) { o.destination.connections = 65; }},
      {"destination.batch_entries", "give 1 to", [](auto& o) { o.destination.batch_entries = 0; }},
      {"destination.backoff_initial", "give 10ms",
       [](auto& o) { o.destination.backoff_initial = -1s; }},
      {"destination.backoff_max", "give at least",
       [](auto& o) { o.destination.backoff_max = o.destination.backoff_initial - 1ms; }},
      {"destination.deliver_timeout", "give 100ms",
       [](auto& o) { o.destination.deliver_timeout = 0ms; }},
      {"destination.shutdown_timeout", "give 0ms",
       [](auto& o) { o.destination.shutdown_timeout = -1ms; }},
      {"body_bytes_max", "give 1 to 67108864", [](auto& o) { o.body_bytes_max = 0; }},
      {"body_bytes_max", "give 1 to 67108864", [](auto& o) { o.body_bytes_max = 64 * mib + 1; }},
      {"append_timeout", "give 10ms", [](auto& o) { o.append_timeout = 9ms; }},
  }));
  const ScratchFolder folder;
  auto options = options_in(folder);
  fault.make(options);
  CAPTURE(fault.names);
  const auto opened = EmbeddedOutbox::open(std::move(options));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == FailureKind::invalid);
  CHECK_THAT(opened.error().message, ContainsSubstring(fault.names));
  CHECK_THAT(opened.error().message, ContainsSubstring(fault.cure));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("embedded: a URL, a schema or a statement that cannot be used is refused without the URL",
          "[embedded][options]") {
  const ScratchFolder folder;
  auto options = options_in(folder);
  SECTION("URL") {
    options.destination.url = Secret("postgresql://u:canary@[::bad/db");
  }
  SECTION("schema") {
    options.destination.url = Secret("postgresql://u:canary@127.0.0.1/db");
    options.destination.schema = std::string(64, 's');
  }
  SECTION("statement") {
    options.destination.url = Secret("postgresql://u:canary@127.0.0.1/db");
    options.sources[0].statements = {
        {.statement = "INSERT INTO t VALUES ($2)", .parameters = {"/a"}}};
  }
  const auto opened = EmbeddedOutbox::open(std::move(options));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == FailureKind::refused);
  CHECK_FALSE(opened.error().message.contains("canary"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("embedded: a destination that is none, and one too many, are refused",
          "[embedded][options]") {
  const ScratchFolder folder;
  EmbeddedOutbox::Dependencies dependencies;
  SECTION("null") {
    dependencies.destinations.emplace_back();
  }
  SECTION("65") {
    for (int i = 0; i < 65; ++i)
      dependencies.destinations.push_back(std::make_unique<support::FakeDestination>());
  }
  const auto opened = EmbeddedOutbox::open(options_in(folder), std::move(dependencies));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == FailureKind::invalid);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("embedded: an entry is held to its limits, at each and one beyond",
          "[embedded][options]") {
  const ScratchFolder folder;
  auto options = options_in(folder);
  options.body_bytes_max = 100;
  const auto opened = EmbeddedOutbox::open(std::move(options));
  REQUIRE(opened);
  auto& outbox = **opened;
  const auto refusal = [&](NewEntry entry) {
    const auto answer = outbox.append(std::move(entry));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == FailureKind::invalid);
    CHECK_FALSE(answer.error().message.contains("canary"));
    return answer.error().message;
  };
  CHECK(outbox.append(entry_of("orders", std::string(100, 'x'))));
  CHECK_THAT(refusal(entry_of("orders", std::string(101, 'x'))),
             ContainsSubstring("raise body_bytes_max"));
  CHECK(outbox.append(entry_of("orders", "1", std::string(512, 'k'))));
  CHECK_THAT(refusal(entry_of("orders", "1", std::string(513, 'k'))), ContainsSubstring("hash"));
  CHECK_THAT(refusal(entry_of("orders", "1", "")), ContainsSubstring("0 bytes"));
  CHECK_THAT(refusal(entry_of("orders", "1", "canary\xff")), ContainsSubstring("UTF-8"));
  CHECK_THAT(refusal(entry_of("orders", "1", std::string("canary\0", 7))),
             ContainsSubstring("NUL"));
  CHECK_THAT(refusal(entry_of("canary")), ContainsSubstring("EmbeddedOptions::sources"));
  auto texts = entry_of("orders");
  texts.target = texts.content_type = texts.method = std::string(64 * kib, 't');
  texts.headers.assign(1000, {"name", "value"});
  CHECK(outbox.append(texts));
  texts.target += 't';
  CHECK_THAT(refusal(texts), ContainsSubstring("target has 65537 bytes"));
  texts.target.clear();
  texts.headers.push_back({"one", "more"});
  CHECK_THAT(refusal(texts), ContainsSubstring("1001 headers"));
  texts.headers.assign(1, {"h", std::string(512 * kib - 1, 'v')});
  CHECK(outbox.append(texts));
  texts.headers[0].value += 'v';
  CHECK_THAT(refusal(texts), ContainsSubstring("headers have 524289 bytes"));
  CHECK(outbox.outbox_stats().appended == 4);
}

}  // namespace holdfast
