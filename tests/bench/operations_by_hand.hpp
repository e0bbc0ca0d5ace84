#pragma once

#include "options.hpp"

namespace holdfast::bench {

/// Writes what entries mean as one would by hand, in transactions of a batch each, by INSERTs of
/// arrays: into the table `public.activities` of a declared statement, or into the tables of the
/// WhatsApp operation, with the relay's own SQL. With `--inbox 1` the same transaction stores the
/// entries in holdfast.inbox first, as the relay does. Prints entries a second.
int write_declared(Options& options);
int write_whatsapp(Options& options);

}  // namespace holdfast::bench
