// What a compiler cannot see: sizes, the include rule, banned calls, undocumented names.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <ranges>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path root = HOLDFAST_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> files_under(std::initializer_list<const char*> folders,
                                  const std::set<std::string>& extensions) {
  std::vector<fs::path> files;
  for (const auto* folder : folders)
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file() && extensions.contains(entry.path().extension().string()))
        files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// Each match of `pattern` in `files` outside `allowed`, as "file:line: text".
std::string offenders(const std::vector<fs::path>& files, const std::string& pattern,
                      const std::set<std::string>& allowed = {}) {
  const std::regex regex(pattern);
  std::string found;
  for (const auto& file : files) {
    const auto name = fs::relative(file, root).string();
    if (allowed.contains(name)) continue;
    int number = 0;
    for (const auto& line : lines_of(read(file))) {
      ++number;
      if (std::regex_search(line, regex))
        found += name + ":" + std::to_string(number) + ": " + line + "\n";
    }
  }
  return found;
}

std::string folder_of(const fs::path& file) {
  const auto relative = fs::relative(file, root / "src");
  return relative.has_parent_path() ? relative.begin()->string() : "";
}

}  // namespace

TEST_CASE("house: headers have at most 150 lines, sources at most 400", "[tidy]") {
  for (const auto& file : files_under({"src", "include"}, {".cpp", ".hpp"})) {
    const auto count = lines_of(read(file)).size();
    CAPTURE(file.string(), count);
    // The public outbox header carries the contract of a whole part; the other is one long table.
    const auto name = file.filename();
    const std::size_t header_max =
        name == "outbox.hpp" || name == "classify_tables.hpp" ? 200 : 150;
    CHECK(count <= (file.extension() == ".hpp" ? header_max : 400));
  }
}

TEST_CASE("house: a folder includes base, itself and the public headers, and no neighbour",
          "[tidy]") {
  const std::set<std::string> folders{"base",    "logging",  "config",   "ingress",
                                      "outbox",  "relay",    "postgres", "wrapper",
                                      "observe", "embedded", "cli"};
  const std::regex include("^#include \"([a-z_]+)/");
  for (const auto& file : files_under({"src"}, {".cpp", ".hpp"})) {
    const auto own = folder_of(file);
    if (own.empty()) continue;  // service.cpp alone sees them all.
    for (const auto& line : lines_of(read(file))) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      const auto other = match[1].str();
      const bool cli_starts =
          own == "cli" && (other == "config" || other == "postgres" || other == "logging");
      // The same classification, way to connect and operations as the relay, for programs.
      const bool wrapper_builds_on = own == "wrapper" && other == "postgres";
      // What the daemon and a program that embeds it have in common.
      const bool core =
          own == "embedded" && (other == "outbox" || other == "relay" || other == "postgres");
      CAPTURE(file.string(), line);
      CHECK((!folders.contains(other) || other == own || other == "base" || cli_starts ||
             wrapper_builds_on || core));
    }
  }
}

TEST_CASE("house: each library stays in the folder that owns it", "[tidy]") {
  const auto sources = files_under({"src", "include"}, {".cpp", ".hpp"});
  const std::map<std::string, std::set<std::string>> owners{
      {"SQLiteCpp|sqlite3\\.h", {"outbox"}},
      {"libpq", {"postgres", "wrapper"}},
      {"pqxx", {"wrapper"}},
      {"httplib", {"ingress", "observe", "cli"}},
      {"toml\\+\\+", {"config"}},
      {"prometheus", {"observe"}},
      {"CLI/", {"cli"}},
      {"spdlog", {"logging"}}};
  const std::regex include_of("^#include <");
  for (const auto& [library, allowed] : owners) {
    for (const auto& file : sources) {
      if (allowed.contains(folder_of(file))) continue;
      // The public header with a third party's: a program's work gets a pqxx::work.
      const auto name = fs::relative(file, root / "include" / "holdfast");
      if (library == "pqxx" && name == "postgres.hpp") continue;
      CAPTURE(library, file.string());
      CHECK(offenders({file}, "^#include <(" + library + ")").empty());
    }
  }
}

TEST_CASE("house: nobody sleeps, reads the clock directly, detaches or starts tasks unseen",
          "[tidy]") {
  const auto sources = files_under({"src", "include"}, {".cpp", ".hpp"});
  CHECK(offenders(sources, "sleep_for|sleep_until|\\busleep\\(|std::async|\\.detach\\(\\)") == "");
  CHECK(offenders(sources, "system_clock::now|steady_clock::now", {"src/base/clock.cpp"}) == "");
  CHECK(offenders(files_under({"tests"}, {".cpp", ".hpp"}), "sleep_for|sleep_until",
                  {"tests/tidy/house_test.cpp"}) == "");
}

TEST_CASE("house: the only virtual interfaces are the clock and the destination", "[tidy]") {
  CHECK(offenders(files_under({"src", "include"}, {".cpp", ".hpp"}), "\\bvirtual\\b",
                  {"include/holdfast/clock.hpp", "include/holdfast/destination.hpp"}) == "");
}

TEST_CASE("house: no line is longer than 100 columns", "[tidy]") {
  // Long literals, such as SQL or signed vectors, cannot be broken: those lines hold a quote.
  CHECK(offenders(files_under({"src", "include"}, {".cpp", ".hpp"}), "^[^\"]{101,}$") == "");
}

TEST_CASE("house: a labelled line of a comment begins a line, and what follows stands below it",
          "[tidy]") {
  // clang-format breaks a line that is too long without a thought of the label.
  const std::regex label("^ *///\\s(Promise|Needs|Threads|Blocks|Errors|Source|Returns):");
  const std::regex inside("///\\s.*\\S (Promise|Needs|Threads|Blocks|Errors|Source|Returns):  ");
  const std::regex text("^ *///( .*)?$");
  const std::regex below("^ */// {11}\\S");
  for (const auto& file : files_under({"src", "include"}, {".hpp"})) {
    bool labelled = false;
    for (const auto& line : lines_of(read(file))) {
      CAPTURE(file.string(), line);
      CHECK_FALSE(std::regex_search(line, inside));
      const bool starts = std::regex_search(line, label);
      labelled = starts || (labelled && std::regex_match(line, text) && !line.ends_with("///"));
      if (labelled && !starts) CHECK(std::regex_search(line, below));
    }
  }
}

TEST_CASE("house: every metric is documented", "[tidy]") {
  const auto docs = read(root / "docs" / "operations.md");
  const std::regex name("\"(holdfast_[a-z_]+)\"");
  for (const auto& file : files_under({"src/observe"}, {".cpp"})) {
    const auto text = read(file);
    for (std::sregex_iterator match(text.begin(), text.end(), name), end; match != end; ++match) {
      CAPTURE((*match)[1].str());
      CHECK(docs.contains((*match)[1].str()));
    }
  }
}

TEST_CASE("house: every event of the log is documented, and there is no other in the page",
          "[tidy]") {
  // An event's name stands behind its level, or is what a helper gets that makes the event.
  const std::regex event("(?:LogLevel::[a-z]+|level),\\s*\"([a-z_]+)\",|note\\(\\s*\"([a-z_]+)\"");
  std::set<std::string> made;
  for (const auto& file : files_under({"src"}, {".cpp", ".hpp"})) {
    const auto text = read(file);
    for (std::sregex_iterator match(text.begin(), text.end(), event), end; match != end; ++match)
      made.insert((*match)[1].matched ? (*match)[1] : (*match)[2]);
  }
  const auto page = read(root / "docs" / "operations.md");
  const auto begin = page.find("### Log events");
  REQUIRE(begin != std::string::npos);
  std::set<std::string> told;
  const std::regex name("`([a-z_]+)`");
  for (const auto& line : lines_of(page.substr(begin, page.find("\n## ", begin) - begin))) {
    if (!line.starts_with("| `")) continue;
    const auto names = line.substr(0, line.find('|', 1));
    for (std::sregex_iterator match(names.begin(), names.end(), name), end; match != end; ++match)
      told.insert((*match)[1]);
  }
  CHECK(made.size() > 40);
  CHECK(made == told);
}

TEST_CASE(
    "house: every alert has its section with a first command, and tests that it fires and not",
    "[tidy]") {
  const auto page = lines_of(read(root / "docs" / "operations.md"));
  const auto rules = read(root / "deploy" / "prometheus" / "holdfast.rules.yml");
  const auto tests = read(root / "deploy" / "prometheus" / "holdfast.rules.test.yml");
  std::set<std::string> names;
  const std::regex alert("- alert: ([A-Za-z]+)");
  for (std::sregex_iterator match(rules.begin(), rules.end(), alert), end; match != end; ++match)
    names.insert((*match)[1]);
  CHECK(names.size() > 10);
  for (const auto& name : names) {
    CAPTURE(name);
    const auto section = std::ranges::find(page, "### " + name);
    REQUIRE(section != page.end());
    std::string text;
    for (auto line = section + 1; line != page.end() && !line->starts_with('#'); ++line)
      text += *line + '\n';
    CHECK(text.contains("First:"));
    std::string anchor = name;
    std::ranges::transform(anchor, anchor.begin(), [](unsigned char c) { return std::tolower(c); });
    CHECK(rules.contains("runbook: docs/operations.md#" + anchor + "\n"));
    const std::regex fires("alertname: " + name + "\n        exp_alerts:\n");
    const std::regex rests("alertname: " + name + "\n        exp_alerts: \\[\\]\n");
    CHECK(std::regex_search(tests, fires));
    CHECK(std::regex_search(tests, rests));
  }
  // And no section without an alert.
  for (const auto& line : page)
    if (line.starts_with("### Holdfast")) CHECK(names.contains(line.substr(4)));
}

TEST_CASE("house: migrations are numbered without gaps", "[tidy]") {
  for (const auto* folder : {"migrations/outbox", "migrations/postgres"}) {
    int expected = 0;
    for (const auto& file : files_under({folder}, {".sql"})) {
      CAPTURE(file.string());
      CHECK(std::stoi(file.filename().string().substr(0, 4)) == ++expected);
    }
    CHECK(expected > 0);
  }
}

TEST_CASE("house: decision records have at most 60 lines and no gaps", "[tidy]") {
  int expected = 0;
  for (const auto& file : files_under({"docs/decisions"}, {".md"})) {
    CAPTURE(file.string());
    CHECK(std::stoi(file.filename().string().substr(0, 4)) == ++expected);
    CHECK(lines_of(read(file)).size() <= 60);
  }
  CHECK(expected > 0);
}

TEST_CASE("house: each of the 38 fault scenarios names tests that exist", "[tidy]") {
  std::set<std::string> names;
  const std::regex test_case("TEST_CASE\\(\\s*\"([^\"]*)\"");
  for (const auto& file : files_under({"tests"}, {".cpp"})) {
    const auto text = read(file);
    for (std::sregex_iterator found(text.begin(), text.end(), test_case), end; found != end;
         ++found)
      names.insert((*found)[1]);
  }
  const auto begins_one = [&](const std::string& begin) {
    const auto at = names.lower_bound(begin);
    return at != names.end() && at->starts_with(begin);
  };
  std::set<int> told;
  const std::regex row("^\\| (\\d+) \\|.*");
  const std::regex quoted("\"([a-z][a-z0-9 ]*: [^\"]+)\"");
  for (const auto& line : lines_of(read(root / "docs/reliability.md"))) {
    std::smatch number;
    if (!std::regex_match(line, number, row)) continue;
    CAPTURE(line);
    int tests = 0;
    for (std::sregex_iterator found(line.begin(), line.end(), quoted), end; found != end; ++found) {
      ++tests;
      CAPTURE((*found)[1].str());
      CHECK(begins_one((*found)[1]));
    }
    CHECK(tests > 0);
    told.insert(std::stoi(number[1]));
  }
  std::set<int> all;
  for (int i = 1; i <= 38; ++i) all.insert(i);
  CHECK(told == all);
}
