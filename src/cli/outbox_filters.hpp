#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/outbox_request.hpp"

/// The filters that list, export and the changing commands share.
namespace holdfast::cli {

/// Adds --state, --source, --key, --sqlstate, --since and --until.
void add_filter_options(CLI::App& command, ListArguments& arguments);

/// True if any of them was given.
[[nodiscard]] bool has_filter(const ListArguments& arguments);

/// As the query of the admin API: "state=dead&source=a"; times of now, so that "24h" means the same
/// in each request.
/// Errors:   throws UsageError.
[[nodiscard]] std::string filter_query(const ListArguments& arguments, WallTime now);

/// "20 dead entries of source twilio with SQLSTATE 23514". Pure.
[[nodiscard]] std::string filtered_text(std::uint64_t count, const ListArguments& arguments);

}  // namespace holdfast::cli
