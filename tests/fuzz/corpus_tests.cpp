// Feeds every file of the corpus to every target: what once broke one of them stays a test, and an
// input made for one parser is a nasty one for the others. A property that does not hold aborts;
// the last line on standard error then says with which file.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <print>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"

namespace {

namespace fs = std::filesystem;

// What runs, for the handler of SIGABRT, which can be given nothing.
std::string_view running;
std::string_view running_on;

void write_text(std::string_view text) {
  // Nothing is left to do about a standard error that takes no text.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

/// Only what a signal handler may call: abort goes on when this returns.
void say_what_ran(int /*signal*/) {
  write_text("fuzz corpus: ");
  write_text(running);
  write_text(" broke on ");
  write_text(running_on);
  write_text("\n");
}

struct Input {
  std::string path;
  std::string bytes;
};

std::vector<Input> read_corpus(const fs::path& folder) {
  std::vector<Input> inputs{{"(nothing)", ""}};
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    inputs.push_back({file.path().string(), {std::istreambuf_iterator<char>(stream), {}}});
  }
  return inputs;
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 2) {
    std::println(stderr, "usage: fuzz_corpus_tests FOLDER");
    return 2;
  }
  std::signal(SIGABRT, say_what_ran);
  const auto start = std::chrono::steady_clock::now();
  const auto inputs = read_corpus(arguments[1]);
  const auto& targets = holdfast::fuzz::targets();
  for (const auto& input : inputs) {
    for (const auto& target : targets) {
      running = target.name;
      running_on = input.path;
      target.check(input.bytes);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::println("fuzz corpus: {} targets, {} inputs, {:.1f} s", targets.size(), inputs.size(),
               took.count());
  // A corpus that was not found, or targets that were not linked, would pass for ever.
  return targets.size() > 10 && inputs.size() > 50 ? 0 : 1;
} catch (const std::exception& error) {
  std::println(stderr, "fuzz corpus: {}", error.what());
  return 1;
}
