#include <catch2/catch_test_macros.hpp>
#include <format>

#include "base/entry_json.hpp"
#include "cli/import_lines.hpp"
#include "fake_daemon.hpp"
#include "outbox_rig.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::cli::test;
using nlohmann::json;

namespace {

json exported() {
  return json::parse(
      base::entry_json(dead_entry(), false).dump(-1, ' ', false, json::error_handler_t::replace));
}

/// The cause by which a line is refused, after one of its keys was changed.
std::string fault_after(const std::string& key, const json& value) {
  auto document = exported();
  if (value.is_discarded())
    document.erase(key);
  else
    document[key] = value;
  const auto entry = read_import_line(document.dump());
  return entry ? "none" : entry.error();
}

const json gone = json::value_t::discarded;

support::CommandResult import_file(const support::ScratchFolder& folder, const std::string& text) {
  support::write_file(folder.file("in.jsonl"), text);
  return support::run_command(
      {.arguments = {HOLDFAST_BINARY, "outbox", "import", "in.jsonl"}, .folder = folder.path()});
}

void configure(const support::ScratchFolder& folder, const FakeDaemon& daemon) {
  support::write_file(folder.file("holdfast.toml"),
                      daemon.configuration() + "[[source]]\nname = \"a\"\nprovider = \"none\"\n");
}

}  // namespace

TEST_CASE("cli: a line of an export is sent as it is, but for the body that stands there twice",
          "[cli][import]") {
  auto document = exported();
  const auto entry = read_import_line(document.dump());
  REQUIRE(entry.has_value());
  CHECK_FALSE(entry->skipped);
  document.erase("body_text");
  CHECK(json::parse(entry->document) == document);
}

TEST_CASE("cli: only pending and dead entries are imported", "[cli][import]") {
  for (const auto* state : {"pending", "dead", "delivered", "discarded"}) {
    auto document = exported();
    document["state"] = state;
    const auto entry = read_import_line(document.dump());
    REQUIRE(entry.has_value());
    CHECK(entry->skipped == (std::string(state).starts_with("d") && std::string(state) != "dead"));
  }
}

TEST_CASE("cli: a line that is no whole entry is refused with its cause", "[cli][import]") {
  CHECK(read_import_line("{").error() == "this is no JSON");
  CHECK(read_import_line("[1]").error() == "this is no JSON object");
  CHECK(fault_after("id", gone) == "it has no id of an entry");
  CHECK(fault_after("id", "x") == "it has no id of an entry");
  CHECK(fault_after("source", "") == "it has no source");
  CHECK(fault_after("source", 1) == "it has no source");
  CHECK(fault_after("state", "lost") == "it has no state of an entry");
  CHECK(fault_after("body_base64", nullptr).contains("its payload was removed"));
  CHECK(fault_after("body_base64", "*") == "body_base64 is no base64");
  CHECK(fault_after("body_base64", "YWJj").contains("does not fit body_sha256"));
  CHECK(fault_after("body_sha256", gone).contains("does not fit body_sha256"));
  CHECK(fault_after("headers", nullptr) == "headers are no list of names and values");
  CHECK(fault_after("headers", json::array({{"a"}})) == "headers are no list of names and values");
  CHECK(fault_after("method", gone) == "it has no method");
  CHECK(fault_after("received_at", "now") == "received_at is no time");
  // A flag of another kind is a flaw of its line, and no end of the import.
  for (const json& flag : {json(true), json("yes"), json(1), json(nullptr)})
    CHECK(fault_after("payload_damaged", flag).contains("its payload is damaged"));
  CHECK(fault_after("payload_damaged", false) == "none");
}

TEST_CASE("cli: an import sends what is pending or dead and counts the rest",
          "[cli][process][import]") {
  const OutboxRig rig;
  FakeDaemon daemon;
  rig.configure(daemon.configuration());
  daemon.answer({.body = R"({"imported":2,"duplicates":1})"});
  const auto exported = rig.run({"export"}).out;
  support::write_file(rig.folder().file("in.jsonl"), exported + "\nbroken\n{\"id\":1}\n");
  const auto result = rig.run({"import", "in.jsonl"});
  CAPTURE(result.err);
  CHECK(result.exit_code == 1);
  CHECK(result.out ==
        "2 imported, 1 there already, 1 skipped (delivered or discarded), 2 bad lines\n");
  CHECK(result.err ==
        "holdfast: line 6: this is no JSON\nholdfast: line 7: it has no id of an entry\n");
  REQUIRE(daemon.requests().size() == 1);
  const auto request = daemon.requests()[0];
  CHECK(request.line == "POST /api/v1/entries/import");
  CHECK(request.content_type == "application/json");
  const auto sent = json::parse(request.body)["entries"];
  REQUIRE(sent.size() == 3);
  for (std::size_t i = 0; i < sent.size(); ++i) CHECK(sent[i]["id"] == rig.ids()[i + 1]);
}

TEST_CASE("cli: an import reads standard input", "[cli][process][import]") {
  const support::ScratchFolder folder;
  FakeDaemon daemon;
  configure(folder, daemon);
  daemon.answer({.body = R"({"imported":1,"duplicates":0})"});
  support::write_file(folder.file("in"), exported().dump());
  const auto result = support::run_command(
      {.arguments = {"sh", "-c", std::string(HOLDFAST_BINARY) + " outbox import - < in"},
       .folder = folder.path()});
  CHECK(result.exit_code == 0);
  CHECK(result.out ==
        "1 imported, 0 there already, 0 skipped (delivered or discarded), 0 bad lines\n");
}

TEST_CASE("cli: an import is cut into batches by count and by bytes", "[cli][process][import]") {
  const support::ScratchFolder folder;
  FakeDaemon daemon;
  configure(folder, daemon);
  const auto line = exported().dump() + '\n';
  std::string many;
  for (int i = 0; i < 1200; ++i) many += line;
  CHECK(import_file(folder, many).exit_code == 0);
  std::vector<std::size_t> sizes;
  for (const auto& request : daemon.requests())
    sizes.push_back(json::parse(request.body)["entries"].size());
  CHECK(sizes == std::vector<std::size_t>{500, 500, 200});

  auto large = dead_entry();
  large.body = std::string(10U << 20U, 'x');
  large.body_sha256 = base::sha256(large.body);
  const auto large_line =
      base::entry_json(large, false).dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
  CHECK(import_file(folder, large_line + large_line + large_line).exit_code == 0);
  const auto requests = daemon.requests();
  REQUIRE(requests.size() == 5);
  for (const auto& request : requests) CHECK(request.body.size() <= (32U << 20U) + 16);
}

TEST_CASE("cli: an entry that the daemon refuses does not take its batch along",
          "[cli][process][import]") {
  const support::ScratchFolder folder;
  FakeDaemon daemon;
  configure(folder, daemon);
  daemon.refuse(400, "one of them is bad");
  daemon.answer({.body = R"({"imported":1,"duplicates":0})"});
  daemon.refuse(400, "its key is too long");
  daemon.answer({.body = R"({"imported":1,"duplicates":0})"});
  const auto line = exported().dump() + '\n';
  const auto result = import_file(folder, line + line + line);
  CHECK(result.exit_code == 1);
  CHECK(result.err == "holdfast: line 2: its key is too long (status 400)\n");
  CHECK(result.out.starts_with("2 imported, "));
  CHECK(result.out.ends_with("1 bad line\n"));
}

TEST_CASE("cli: an import ends where the daemon cannot go on, and says how to",
          "[cli][process][import]") {
  const support::ScratchFolder folder;
  FakeDaemon daemon;
  configure(folder, daemon);
  daemon.refuse(503, "the outbox is full");
  const auto result = import_file(folder, exported().dump() + '\n');
  CHECK(result.exit_code == 1);
  CHECK(result.err.contains("importing entries: the outbox is full (status 503)"));
  CHECK(result.err.contains("run the same import again"));
  CHECK(daemon.requests().size() == 1);
  const auto missing = support::run_command(
      {.arguments = {HOLDFAST_BINARY, "outbox", "import", "none"}, .folder = folder.path()});
  CHECK(missing.exit_code == 1);
  CHECK(missing.err.contains("reading none: No such file or directory"));
}

TEST_CASE("cli: zeros and endless lines of an import are one bad line each", "[cli][import]") {
  const support::ScratchFolder folder;
  const std::string text("a\0b\nc", 5);
  support::write_file(folder.file("in"), text);
  std::FILE* stream = std::fopen(folder.file("in").c_str(), "re");
  REQUIRE(stream != nullptr);
  LineReader lines(stream);
  const auto first = lines.next();
  const auto second = lines.next();
  CHECK(first->text == std::string("a\0b", 3));
  CHECK(first->number == 1);
  CHECK(second->text == "c");
  CHECK(second->number == 2);
  CHECK_FALSE(lines.next().has_value());
  std::fclose(stream);
}
