#pragma once

#include "options.hpp"

namespace holdfast::bench {

/// Writes entries into holdfast.inbox as one would by hand, in transactions of a batch each: by
/// COPY to a staging table and INSERT … ON CONFLICT from it, or by one INSERT of arrays. Both in
/// the binary format, which is the faster. Prints rows a second.
int drain_by_copy(Options& options);
int drain_by_unnest(Options& options);

/// Writes one entry a transaction from several connections, each as soon as the one before it is
/// committed: what a sender waits for where its request goes straight to Postgres.
int insert_directly(Options& options);

}  // namespace holdfast::bench
