#pragma once

#include <memory>
#include <string>

#include "holdfast/config.hpp"
#include "holdfast/log.hpp"
#include "outbox/connection.hpp"
#include "outbox/files.hpp"
#include "outbox/reader.hpp"

namespace holdfast::outbox {

/// Opens, recovers, migrates and checkpoints the file for the writer.
///
/// Needs:    the lock file.
/// Promise:  nothing that was recovered lives in the page cache alone, unless `checkpoint` is
///           false.
/// Errors:   throws Error (refused, broken); SQLite::Exception.
[[nodiscard]] std::unique_ptr<Connection> open_writer(const OutboxFiles& files,
                                                      const std::string& vfs, bool checkpoint,
                                                      const LogSink& log);

/// Opens the file for reading beside a writer, or after it is gone; never makes the file.
/// Errors:   throws Error (refused) if it is missing, not ours or newer; SQLite::Exception.
[[nodiscard]] Reader open_reader(const std::string& path, const std::string& vfs);

}  // namespace holdfast::outbox
