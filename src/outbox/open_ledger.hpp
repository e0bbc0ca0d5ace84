#pragma once

#include <memory>
#include <string>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/log.hpp"
#include "outbox/damage.hpp"
#include "outbox/files.hpp"
#include "outbox/ledger.hpp"

namespace holdfast::outbox {

struct LedgerSetup {
  const OutboxFiles& files;
  const OutboxConfig& config;
  const Clock& clock;
  const LogSink& log;
  const StateFile& state;
  std::string vfs;
  bool checkpoint = true;
};

/// Opens the outbox for the writer; a damaged one is put aside and replaced by what can be read of
/// it, so that a start does not fail for ever; docs/decisions/0013.
///
/// Needs:    the lock file.
/// Blocks:   for as long as reading the whole outbox takes, after an I/O error or with damage only.
/// Errors:   throws Error, SQLite::Exception.
[[nodiscard]] std::unique_ptr<Ledger> open_ledger(const LedgerSetup& setup);

}  // namespace holdfast::outbox
