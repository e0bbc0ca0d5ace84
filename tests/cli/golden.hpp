#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <regex>
#include <string>

#include "support/scratch_folder.hpp"

namespace holdfast::cli::test {

/// With what differs from run to run replaced: ids, times, ports, the folder of the test.
inline std::string without_chance(std::string text, const std::string& folder = "") {
  const auto replace = [&](const char* pattern, const char* by) {
    text = std::regex_replace(text, std::regex(pattern), by);
  };
  for (auto at = text.find(folder); !folder.empty() && at != std::string::npos;
       at = text.find(folder))
    text.replace(at, folder.size(), "<folder>");
  replace("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>");
  replace("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "<time>");
  replace("127\\.0\\.0\\.1:[0-9]{4,5}", "127.0.0.1:<port>");
  return text;
}

/// Compares with tests/cli/golden/NAME.txt byte for byte. With HOLDFAST_GOLDEN=write it writes the
/// file instead, to be looked at and committed.
inline void check_golden(const std::string& name, const std::string& text) {
  const auto path = std::string(HOLDFAST_SOURCE_DIR) + "/tests/cli/golden/" + name + ".txt";
  const char* mode = std::getenv("HOLDFAST_GOLDEN");
  if (mode != nullptr && std::string(mode) == "write") support::write_file(path, text);
  CAPTURE(name);
  CHECK(text == support::read_file(path));
}

}  // namespace holdfast::cli::test
