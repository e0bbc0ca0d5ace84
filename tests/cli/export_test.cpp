#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <sstream>

#include "golden.hpp"
#include "outbox_rig.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;
using nlohmann::json;

namespace {

std::vector<json> documents_of(const std::string& text) {
  std::vector<json> documents;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) documents.push_back(json::parse(line));
  return documents;
}

}  // namespace

TEST_CASE("cli: an export has each entry as outbox show gives it, one a line, oldest first",
          "[cli][process][export]") {
  const OutboxRig rig;
  const auto result = rig.run({"export"});
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.err.empty());
  const auto documents = documents_of(result.out);
  REQUIRE(documents.size() == 4);
  for (std::size_t i = 0; i < documents.size(); ++i)
    CHECK(documents[i] == rig.run_json({"show", rig.ids()[i]}));
  check_golden("export", without_chance(result.out));
}

TEST_CASE("cli: an export takes the filters of the list", "[cli][process][export]") {
  const OutboxRig rig;
  const auto ids = [&](std::vector<std::string> filter) {
    filter.insert(filter.begin(), "export");
    std::vector<std::string> found;
    for (const auto& document : documents_of(rig.run(std::move(filter)).out))
      found.push_back(document["id"]);
    return found;
  };
  CHECK(ids({"--state", "pending"}) == std::vector{rig.ids()[2], rig.ids()[3]});
  CHECK(ids({"--sqlstate", "23514"}) == std::vector{rig.ids()[1]});
  CHECK(ids({"--source", "never"}).empty());
}

TEST_CASE("cli: an exported file is whole, its owner's alone, and takes the place of an older one",
          "[cli][process][export]") {
  const OutboxRig rig;
  const auto file = rig.folder().file("out.jsonl");
  support::write_file(file, "old");
  ::chmod(file.c_str(), 0644);
  const auto result = rig.run({"export", "-o", file});
  CHECK(result.exit_code == 0);
  CHECK(result.out == "exported 4 entries to " + file + "\n");
  CHECK(support::read_file(file) == rig.run({"export"}).out);
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("cli: an export that fails leaves nothing behind and the older file alone",
          "[cli][process][export]") {
  const OutboxRig rig(std::string(200'000, 'x'));
  const auto file = rig.folder().file("out.jsonl");
  support::write_file(file, "old");
  // No file may grow beyond 50 KiB, which is enough for the index of the WAL: writing fails in the
  // middle.
  const auto result = support::run_command(
      {.arguments = {"sh", "-c",
                     "trap '' XFSZ; ulimit -f 100; exec " + std::string(HOLDFAST_BINARY) +
                         " outbox export -o out.jsonl"},
       .folder = rig.folder().path()});
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 1);
  CHECK(result.err.contains("File too large"));
  CHECK(support::read_file(file) == "old");
  for (const auto& left : std::filesystem::directory_iterator(rig.folder().path()))
    CHECK_FALSE(left.path().string().contains("unfinished"));
}

TEST_CASE("cli: an export is never put in the place of a device or a folder",
          "[cli][process][export]") {
  const OutboxRig rig;
  for (const std::string place : {"/dev/null", "/tmp"}) {
    const auto result = rig.run({"export", "-o", place});
    CHECK(result.exit_code == 1);
    CHECK(result.err.contains("writing " + place + ": this is no file"));
  }
  CHECK(rig.run({"export", "-o", "/no/such/folder/x"}).exit_code == 1);
  const auto full = support::run_command(
      {.arguments = {"sh", "-c", std::string(HOLDFAST_BINARY) + " outbox export > /dev/full"},
       .folder = rig.folder().path()});
  CHECK(full.exit_code == 1);
  CHECK(full.err.contains("No space left on device"));
}

TEST_CASE("cli: an export takes --json like the other commands that read",
          "[cli][process][export]") {
  const OutboxRig rig;
  const auto with = rig.run({"export", "--json"});
  CHECK(with.exit_code == 0);
  CHECK(with.out == rig.run({"export"}).out);
}

TEST_CASE("cli: progress is shown on a terminal alone, and taken away at the end",
          "[cli][process][export]") {
  const OutboxRig rig;
  const auto shown = support::run_command(
      {.arguments = {"script", "-qec", std::string(HOLDFAST_BINARY) + " outbox export -o out.jsonl",
                     "/dev/null"},
       .folder = rig.folder().path()});
  CAPTURE(shown.out);
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.contains("\rexporting: 1 entries\x1b[K"));
  CHECK(shown.out.contains("\r\x1b[Kexported 4 entries"));
  CHECK(rig.run({"export", "-o", rig.folder().file("o")}).err.empty());
}
