#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/source.hpp"

namespace holdfast::postgres {

/// Why the server would not run a statement of a source.
struct StatementFault {
  std::string source;
  std::size_t statement = 0;  ///< Its number within the source, from 1.
  std::uint32_t line = 0;     ///< Of the configuration, as WriteStatement has it.
  std::string sqlstate;
  std::string message;
};

/// `holdfast validate --database`: asks the server to read each declared statement, in transactions
/// that are rolled back. Finds what a parse finds: syntax, missing tables and columns, types. What
/// shows only at run time, such as a privilege or the fit of a value, is not found.
///
/// Promise:  runs no statement and no migration.
/// Blocks:   connect_timeout + deliver_timeout.
/// Errors:   refused (the URL, or a statement that cannot be read without a server), unavailable.
[[nodiscard]] std::expected<std::vector<StatementFault>, Failure> check_statements(
    const DestinationConfig& config, std::span<const SourceConfig> sources, const Clock& clock);

}  // namespace holdfast::postgres
