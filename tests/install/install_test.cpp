// The libraries as a program finds them: the installed tree, moved to another place, with both
// examples built and run against it.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <format>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/daemon.hpp"
#include "support/postgres_cluster.hpp"
#include "support/process.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using support::CommandResult;
using support::PostgresCluster;
using support::ScratchFolder;

const fs::path source = HOLDFAST_SOURCE_DIR;

CommandResult run(std::vector<std::string> arguments, std::vector<std::string> environment = {},
                  std::string folder = "/") {
  return support::run_command({.arguments = std::move(arguments),
                               .environment = std::move(environment),
                               .folder = std::move(folder)},
                              240s);
}

std::string run_well(std::vector<std::string> arguments,
                     std::vector<std::string> environment = {}) {
  const auto result = run(std::move(arguments), std::move(environment));
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == 0);
  return result.out;
}

/// The development files, installed and then moved.
class InstalledTree {
 public:
  InstalledTree() {
    const auto first = folder_.file("first");
    run_well({"cmake", "--install", HOLDFAST_BUILD_DIR, "--prefix", first, "--component",
              "development"});
    fs::rename(first, prefix());
    for (const auto& entry : fs::recursive_directory_iterator(prefix()))
      if (entry.path().filename() == "pkgconfig") pkgconfig_ = entry.path();
    REQUIRE_FALSE(pkgconfig_.empty());
  }
  [[nodiscard]] std::string prefix() const { return folder_.file("moved"); }
  [[nodiscard]] fs::path libraries() const { return pkgconfig_.parent_path(); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  /// Configures and builds an example; the program.
  [[nodiscard]] std::string build(const std::string& name) const {
    const auto out = file("build-" + name);
    run_well({"cmake", "-S", (source / "examples" / name).string(), "-B", out, "-G", "Ninja",
              "-DCMAKE_PREFIX_PATH=" + prefix(), "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror"});
    run_well({"cmake", "--build", out});
    return out + "/" + name;
  }
  /// What pkg-config says, as words.
  [[nodiscard]] std::vector<std::string> flags(const std::string& package) const {
    std::istringstream words(run_well({"pkg-config", "--cflags", "--libs", package},
                                      {"PKG_CONFIG_PATH=" + pkgconfig_.string()}));
    std::vector<std::string> flags;
    for (std::string word; words >> word;) flags.push_back(word);
    return flags;
  }
  /// A program of one file, built by what pkg-config says.
  [[nodiscard]] std::string compile(const fs::path& main,
                                    const std::vector<std::string>& packages) const {
    const auto program = file(main.stem().string() + ".program");
    std::vector<std::string> arguments{"c++", "-std=c++23", main.string(), "-o", program};
    for (const auto& package : packages)
      for (const auto& flag : flags(package)) arguments.push_back(flag);
    arguments.push_back("-Wl,-rpath," + libraries().string());
    run_well(std::move(arguments));
    return program;
  }

 private:
  ScratchFolder folder_{true};
  fs::path pkgconfig_;
};

/// Feeds `lines` to the program embed; what it printed.
std::string embed(const std::string& program, const std::string& outbox, const std::string& lines,
                  const std::string& url = "") {
  const ScratchFolder folder;
  support::write_file(folder.file("lines"), lines);
  std::vector<std::string> environment;
  if (!url.empty()) environment.push_back("DATABASE_URL=" + url);
  return run_well(
      {"sh", "-c", "exec \"$0\" \"$1\" < \"$2\"", program, outbox, folder.file("lines")},
      environment);
}

std::size_t count_of(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("install: both examples are built against the installed tree and do what they say",
          "[install][postgres]") {
  const InstalledTree tree;
  const PostgresCluster cluster;

  const auto with_db = tree.build("with_db");
  const std::vector<std::string> environment{"DATABASE_URL=" + cluster.url()};
  CHECK(run_well({with_db, "BOOK", "2"}, environment) == "order 1 of 1; database ok\n");
  CHECK(run_well({with_db, "PEN", "1"}, environment) == "order 2 of 2; database ok\n");
  CHECK(run({with_db}).exit_code == 2);
  const auto bad = run({with_db, "BOOK", "many"}, environment);
  CHECK(bad.exit_code == 1);

  const auto program = tree.build("embed");
  const auto outbox = tree.file("outbox.db");
  const auto printed =
      embed(program, outbox, "{\"id\":1}\n{\"id\":2}\n{\"id\":1}\n", cluster.url());
  CHECK(count_of(printed, " stored\n") == 2);
  CHECK(count_of(printed, " duplicate\n") == 1);
  CHECK_THAT(printed, ContainsSubstring("all delivered\n"));
  CHECK(cluster.query("SELECT payload->>'id' FROM holdfast.inbox ORDER BY seq") ==
        std::vector<std::vector<std::string>>{{"1"}, {"2"}});
}

TEST_CASE("install: the daemon drains a file that the library wrote, one at a time",
          "[install][postgres]") {
  const InstalledTree tree;
  const PostgresCluster cluster;
  // By pkg-config this time.
  const auto program = tree.compile(source / "examples" / "embed" / "main.cpp", {"holdfast"});
  const auto outbox = tree.file("outbox.db");
  const auto shell =
      std::format("printf '{{\"id\":1}}\\n{{\"id\":2}}\\n' | timeout 30 {} {}", program, outbox);
  CHECK_THAT(run_well({"sh", "-c", shell}), ContainsSubstring("delivered by the next run"));

  support::DaemonConfig config;
  config.binary = HOLDFAST_BINARY;
  config.destination_url = cluster.url();
  config.sources = "[[source]]\nname = \"orders\"\nprovider = \"none\"\n";
  config.outbox_path = outbox;
  support::Daemon daemon(config);
  daemon.start();
  // The daemon has the file: the program is told so and stores nothing.
  const auto locked = run({"sh", "-c", shell});
  CHECK(locked.exit_code == 1);
  CHECK_THAT(locked.err, ContainsSubstring("has this outbox open"));
  REQUIRE(daemon.drains(60s));
  CHECK(daemon.terminate() == 0);
  CHECK(cluster.query("SELECT source, payload->>'id' FROM holdfast.inbox ORDER BY seq") ==
        std::vector<std::vector<std::string>>{{"orders", "1"}, {"orders", "2"}});
  // And back: the program takes over what the daemon wrote.
  CHECK_THAT(embed(program, outbox, "{\"id\":1}\n", cluster.url()),
             ContainsSubstring(" duplicate\n"));
}

TEST_CASE("install: what a program printed an id for outlives its kill -9", "[install][postgres]") {
  const InstalledTree tree;
  const PostgresCluster cluster;
  const auto program = tree.compile(source / "examples" / "embed" / "main.cpp", {"holdfast"});
  const auto outbox = tree.file("outbox.db");
  const ScratchFolder folder;
  // A line, and then nothing: the program waits for more. Without Postgres nothing is delivered.
  const auto script = std::format(
      "mkfifo {0}/pipe; sh -c 'echo 1; exec sleep 600' > {0}/pipe & feeder=$!\n"
      "{1} {2} < {0}/pipe > {0}/out & program=$!\n"
      "until grep -q stored {0}/out 2>/dev/null; do kill -0 $program || exit 1; sleep 0.05; done\n"
      "kill -9 $program; wait $program; kill $feeder; exit 0",
      folder.path(), program, outbox);
  run_well({"sh", "-c", script});
  const auto id = support::read_file(folder.file("out")).substr(0, 36);
  CHECK_THAT(embed(program, outbox, "", cluster.url()), ContainsSubstring("all delivered"));
  CHECK(cluster.query("SELECT id FROM holdfast.inbox") ==
        std::vector<std::vector<std::string>>{{id}});
}

TEST_CASE("install: one program may link both libraries", "[install][postgres]") {
  const InstalledTree tree;
  const PostgresCluster cluster;
  const auto main = tree.file("both.cpp");
  support::write_file(main, R"(
#include <cstdio>
#include <holdfast/embedded_outbox.hpp>
#include <holdfast/postgres.hpp>
#include <pqxx/pqxx>

int main(int, char** argv) {
  holdfast::PoolOptions options;
  try {
    const holdfast::Pool refused(options);
    return 1;
  } catch (const holdfast::Error& error) {
    std::puts(error.what());
  }
  options.url = holdfast::Secret(argv[1]);
  holdfast::Pool pool(options);
  holdfast::EmbeddedOptions embedded;
  embedded.outbox.path = argv[2];
  embedded.destination.url = options.url;
  embedded.sources = {{.name = "orders"}};
  auto outbox = holdfast::EmbeddedOutbox::open(embedded);
  if (!outbox) return 2;
  holdfast::NewEntry entry;
  entry.source = "orders";
  entry.body = "1";
  if (!(*outbox)->append(entry) || !(*outbox)->await_drained(std::chrono::seconds(60))) return 3;
  const auto rows = holdfast::with_db(pool, [](pqxx::work& work) {
    return work.query_value<int>("SELECT count(*) FROM holdfast.inbox");
  });
  std::printf("%d row\n", rows);
}
)");
  const auto program = tree.compile(main, {"holdfast", "holdfast-postgres"});
  CHECK_THAT(run_well({program, cluster.url(), tree.file("both.db")}),
             ContainsSubstring("the URL is empty") && ContainsSubstring("1 row\n"));
}

TEST_CASE("install: the libraries show what is public and hide all else", "[install]") {
  const InstalledTree tree;
  const std::regex internal(
      "SQLite|nlohmann|pqxx|::Impl\\b|::Shared\\b|holdfast::(base|outbox|relay|postgres|embedded):"
      ":");
  for (const auto* name : {"libholdfast.so", "libholdfast-postgres.so"}) {
    const auto text = run_well({"nm", "-DC", "--defined-only", (tree.libraries() / name).string()});
    std::istringstream lines(text);
    std::size_t shown = 0;
    for (std::string line; std::getline(lines, line);) {
      // An address, a kind, and a name whose arguments may be anything.
      const auto symbol = line.substr(std::min<std::size_t>(line.size(), 19));
      const auto own = symbol.substr(0, symbol.find('('));
      CAPTURE(name, symbol);
      CHECK(own.contains("holdfast::"));
      CHECK_FALSE(std::regex_search(own, internal));
      // What the templates of postgres.hpp call is the one inner name.
      if (own.contains("holdfast::wrapper::")) CHECK(own == "holdfast::wrapper::run");
      ++shown;
    }
    CHECK(shown > 10);
  }
}

TEST_CASE("install: the version is asked for and must fit", "[install]") {
  const InstalledTree tree;
  const auto ask = [&](const std::string& version) {
    const ScratchFolder folder;
    support::write_file(folder.file("CMakeLists.txt"),
                        std::format("cmake_minimum_required(VERSION 3.25)\nproject(ask NONE)\n"
                                    "find_package(holdfast {} CONFIG)\n"
                                    "message(STATUS \"found: ${{holdfast_FOUND}}\")\n",
                                    version));
    return run_well({"cmake", "-S", folder.path(), "-B", folder.file("build"), "-G", "Ninja",
                     "-DCMAKE_PREFIX_PATH=" + tree.prefix()});
  };
  CHECK_THAT(ask("0.1"), ContainsSubstring("found: 1"));
  CHECK_THAT(ask("0.2"), ContainsSubstring("found: 0"));
  CHECK_THAT(ask("1.0"), ContainsSubstring("found: 0"));
  const auto flags = tree.flags("holdfast-postgres");
  CHECK(std::ranges::contains(flags, "-lholdfast-postgres"));
  CHECK(std::ranges::contains(flags, "-lpqxx"));
  const auto said = run({HOLDFAST_BINARY, "--version"}).out;
  const auto version = run_well(
      {"pkg-config", "--modversion", (tree.libraries() / "pkgconfig" / "holdfast.pc").string()});
  CHECK(said == "holdfast " + version);
}

TEST_CASE("install: each public header can be included alone", "[install]") {
  const InstalledTree tree;
  const ScratchFolder folder;
  std::set<std::string> headers;
  for (const auto& entry : fs::directory_iterator(tree.prefix() + "/include/holdfast"))
    headers.insert(entry.path().filename());
  CHECK_FALSE(headers.contains("service.hpp"));
  CHECK(headers.contains("embedded_outbox.hpp"));
  std::string script;
  // Those with libpqxx's take a second each: the examples include them.
  for (const auto& header : headers) {
    const auto text = support::read_file(tree.prefix() + "/include/holdfast/" + header);
    if (text.contains("pqxx")) continue;
    script += std::format(
        "echo '#include <holdfast/{}>' | c++ -std=c++23 -Wall -Wextra -Werror -fsyntax-only -I "
        "{}/include -x c++ - || exit 1\n",
        header, tree.prefix());
  }
  run_well({"sh", "-c", script});
}

}  // namespace holdfast
