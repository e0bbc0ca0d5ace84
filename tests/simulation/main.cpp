#include <catch2/catch_session.hpp>

#include <cstdint>

#include "runs.hpp"

/// Catch2's own, with `--seed N`: that run alone, with a line for each of its steps.
int main(int argc, char** argv) {
  Catch::Session session;
  std::uint64_t seed = 0;
  session.cli(session.cli() |
              Catch::Clara::Opt(seed, "number")["--seed"]("one run of the simulation, traced"));
  if (const int refused = session.applyCommandLine(argc, argv); refused != 0) return refused;
  if (seed != 0) holdfast::simulation::want_seed(seed);
  return session.run();
}
