#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "by_hand.hpp"
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

/// One INSERT of arrays into holdfast.inbox, their types, and how an entry gets into them.
std::string inbox_insert();
std::vector<std::uint32_t> inbox_types();
void add_to_inbox(Arrays& arrays, std::uint64_t number, const std::string& body);

}  // namespace holdfast::bench
