#pragma once

#include "options.hpp"

namespace holdfast::bench {

/// Inserts rows into a plain SQLite table, in WAL mode with FULL: no key, no index, nothing that
/// finds a duplicate. Prints what a row cost.
int insert_plainly(Options& options);

}  // namespace holdfast::bench
