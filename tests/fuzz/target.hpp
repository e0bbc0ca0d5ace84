#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.hpp"

/// A fuzz target is a function that takes any bytes and aborts if a property does not hold for
/// them: "does not crash" alone is none.
namespace holdfast::fuzz {

using Check = void (*)(std::string_view input);

struct Target {
  std::string_view name;
  Check check = nullptr;
};

/// All targets of this program.
inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

struct Registration {
  Registration(std::string_view name, Check check) { targets().push_back({name, check}); }
};

/// Takes the text before the first `separator` off the front of `input`; all of it if there is
/// none.
inline std::string_view take_until(std::string_view& input, char separator) {
  const auto end = input.find(separator);
  const auto part = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return part;
}
/// The first byte as a number, taken off; 0 if there is none.
inline std::uint8_t take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(input.front());
  input.remove_prefix(1);
  return byte;
}

}  // namespace holdfast::fuzz

#ifdef HOLDFAST_FUZZ
/// Makes `function` the target of this program of libFuzzer.
#define HOLDFAST_FUZZ_TARGET(name, function)                                          \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    function({reinterpret_cast<const char*>(data), size});                            \
    return 0;                                                                         \
  }                                                                                   \
  static_assert(sizeof(name) > 1)
#else
/// Makes `function` one of the targets that run on the corpus.
#define HOLDFAST_FUZZ_TARGET(name, function)               \
  static const holdfast::fuzz::Registration registration { \
    name, function                                         \
  }
#endif
