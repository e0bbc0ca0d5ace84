#include <httplib.h>
#include <openssl/crypto.h>

#include <format>
#include <nlohmann/json.hpp>

#include "cli/app.hpp"
#include "cli/output.hpp"
#include "holdfast/version.hpp"

// Declared and not included: the headers of these two belong to the folders that use them, and only
// the loader knows which version is in use. They decide what is durable and what arrives.
extern "C" {
const char* sqlite3_libversion(void);
int PQlibVersion(void);  // NOLINT(readability-identifier-naming): libpq's name.
}

namespace holdfast::cli {
namespace {

struct Library {
  std::string_view name;
  std::string version;
};

std::vector<Library> libraries() {
  const int libpq = PQlibVersion();
  return {{"sqlite", sqlite3_libversion()},
          {"libpq", std::format("{}.{}", libpq / 10'000, libpq % 10'000)},
          {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
          {"cpp-httplib", CPPHTTPLIB_VERSION},
          {"nlohmann-json", std::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                        NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
          {"cli11", CLI11_VERSION}};
}

int print_version(bool verbose, bool json) {
  if (json) {
    nlohmann::ordered_json document{{"version", version()}};
    for (const auto& library : libraries())
      document["libraries"][std::string(library.name)] = library.version;
    print(document.dump(2) + '\n');
    return exit_good;
  }
  print(std::format("holdfast {}\n", version()));
  if (verbose)
    for (const auto& library : libraries())
      print(std::format("  {} {}\n", pad(library.name, 14), library.version));
  return exit_good;
}

}  // namespace

void add_version(CLI::App& app, Context& context) {
  struct Options {
    bool verbose = false;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("version", "Print the version")->fallthrough();
  command->add_flag("--verbose", options->verbose, "With the versions of the libraries in use");
  command->add_flag("--json", options->json, "As JSON, with the libraries");
  command->callback([options, &context] {
    context.command = [options] { return print_version(options->verbose, options->json); };
  });
}

}  // namespace holdfast::cli
