#pragma once

#include "options.hpp"

namespace holdfast::bench {

/// Inserts rows into the tables of an outbox file by hand, 16 a statement as the outbox does: what
/// its tables and indexes cost by themselves, without a look for duplicates, an index of keys,
/// counters, limits, answers. The file is no outbox afterwards. Prints what a row cost.
///
/// Needs:    --file names an outbox, as `bench_outbox` makes one.
int insert_outbox_rows(Options& options);

}  // namespace holdfast::bench
