#pragma once

#include <expected>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/log.hpp"
#include "postgres/session.hpp"

namespace holdfast::postgres {

/// One forward step of the schema, as it would be run.
struct Migration {
  std::string name;    ///< File name, such as "0001_inbox.sql".
  std::string sha256;  ///< Of the file, before the schema's name is put in.
  std::string sql;
};
/// All steps that this program knows, for a schema.
[[nodiscard]] std::vector<Migration> all_migrations(const std::string& schema);

/// What to make sure of before the first batch.
struct SchemaOptions {
  std::string schema;
  bool migrate = true;  ///< False: only look.
};

/// Makes the schema fit, or says what is missing. Steps run in one transaction under a lock, so any
/// number of processes may try at once; works through a pooler in transaction mode.
///
/// Promise:  on success the tables and both unique indexes of inbox are there.
/// Returns:  the names of the steps that were run.
/// Errors:   SqlError; an unfit schema has the code of a missing table and a message that says what
///           to do.
[[nodiscard]] std::expected<std::vector<std::string>, SqlError> ensure_schema(
    Session& session, const SchemaOptions& options, const Clock& clock, SteadyTime deadline);
/// Steps that ensure_schema would run.
[[nodiscard]] std::expected<std::vector<Migration>, SqlError> pending_migrations(
    Session& session, const std::string& schema, SteadyTime deadline);

/// `holdfast migrate plan`: connects, and returns the steps that are not applied yet.
/// Blocks:   connect_timeout + deliver_timeout.
/// Errors:   refused (the configuration or a permission is at fault), unavailable.
[[nodiscard]] std::expected<std::vector<Migration>, Failure> plan_migrations(
    const DestinationConfig& config, const Clock& clock);
/// `holdfast migrate apply`: runs them; returns their names.
[[nodiscard]] std::expected<std::vector<std::string>, Failure> apply_migrations(
    const DestinationConfig& config, const Clock& clock);

}  // namespace holdfast::postgres
