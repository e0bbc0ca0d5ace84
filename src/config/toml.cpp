/// The parser itself, compiled once: every other file has its declarations alone.

// Its assertions claim what a file can break: "[[[" fails one in parse_key() of 3.4.0, though the
// code behind it reports the error well. As an assertion that ends the process; with NDEBUG it is
// an [[assume]], and undefined. Neither may happen for a mistake in a file, so they are left out.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_IMPLEMENTATION
#include <toml++/toml.hpp>
