#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/app.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::cli {

/// The outbox file to read, and the sources that are configured, if that is known.
struct OutboxPlace {
  std::string path;
  std::optional<std::vector<std::string>> sources;
  /// True if the entry waits for a source that is not configured.
  [[nodiscard]] std::optional<bool> held(const EntrySummary& entry) const;
};

/// With --outbox alone no configuration is read: the file must be readable even where the variables
/// of the daemon are not set.
/// Errors:   printed; the value is then the exit code.
[[nodiscard]] std::expected<OutboxPlace, int> find_place(const Context& context,
                                                         const std::string& outbox_path);

/// The id that an operator has typed.
/// Errors:   throws UsageError.
[[nodiscard]] Uuid parse_id(const std::string& text);

/// Prints it; exit_failed.
[[nodiscard]] int report(const Failure& failure);

/// The commands of `outbox`, each in a file of its own. `path` is that of --outbox, once parsed.
using SharedPath = std::shared_ptr<std::string>;
void add_outbox_list(CLI::App& outbox, Context& context, const SharedPath& path);
void add_outbox_show(CLI::App& outbox, Context& context, const SharedPath& path);
void add_outbox_changes(CLI::App& outbox, Context& context, const SharedPath& path);
void add_outbox_export(CLI::App& outbox, Context& context, const SharedPath& path);
void add_outbox_import(CLI::App& outbox, Context& context, const SharedPath& path);

}  // namespace holdfast::cli
