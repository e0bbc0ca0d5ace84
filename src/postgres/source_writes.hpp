#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/entry.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/source.hpp"
#include "postgres/declared_statement.hpp"
#include "postgres/operations.hpp"
#include "postgres/payload.hpp"
#include "postgres/session.hpp"

namespace holdfast::postgres {

/// What goes out before its answers are read, in one round trip. More of each would save round
/// trips of large batches and cost memory, here and in the server.
inline constexpr std::size_t pipeline_steps_max = 1000;
inline constexpr std::size_t pipeline_bytes_max = 4U << 20U;  ///< A step may be larger alone.

/// Entries that touch one row of an upsert make the whole transaction be done again, and a source
/// that has such has them often: for so long its statements then run entry by entry at once.
inline constexpr std::chrono::seconds one_by_one_time{60};
/// A new trigger or an altered column is noticed this soon while a session is busy. Asking again
/// costs a few round trips a statement.
inline constexpr std::chrono::seconds description_age_max{10};

/// What failed while the writes of a source ran.
struct WriteFailure {
  SqlError error;
  std::string source;
  std::size_t statement = 0;  ///< From 1; 0: a built-in operation.
  std::string text = {};      ///< Of the statement; empty: a built-in operation.
  bool described = true;      ///< False: the statement itself is at fault, whatever the entry.
  bool too_slow = false;      ///< Time ran out while statement after statement was answered.
  /// The transaction can succeed if it is done again: two entries touch one row, or one refers to
  /// another, and from now on the statements of this source run entry by entry.
  bool again_helps = false;
};

/// Runs what the sources mean beside the inbox: built-in operations, then declared statements.
/// Statements of plain INSERTs run once for many entries; all others, and several that could see
/// each other's rows, entry by entry in their order, pipelined.
///
/// Threads:  one at a time.
class SourceWrites {
 public:
  /// Errors:   refused, if a statement cannot be read.
  [[nodiscard]] static std::expected<SourceWrites, Failure> create(
      const std::string& schema, std::span<const SourceConfig> sources);

  /// Writes inside an open transaction what these entries mean, source by source, each in commit
  /// order; returns the names of the sources that had something to write.
  ///
  /// Needs:    `added`: positions in the batch, in commit order; a payload for each entry; `now`:
  ///           the same for all tries of a batch, so that they end.
  [[nodiscard]] std::expected<std::vector<std::string>, WriteFailure> run(
      Session& session, std::span<const Entry> batch, std::span<const Payload> payloads,
      std::span<const std::size_t> added, SteadyTime now, SteadyTime deadline);
  /// Statements are described again before they run: the session or the schema is another.
  void forget_descriptions();

 private:
  struct Source {
    std::string name;
    Operations operations = Operations::none;
    std::vector<DeclaredStatement> statements;
    std::vector<std::optional<StatementDescription>> descriptions;
    SteadyTime described_at;  ///< The oldest of them.
    SteadyTime one_by_one_until;

    void forget_descriptions() { descriptions.assign(statements.size(), std::nullopt); }
  };
  class Run;

  explicit SourceWrites(const std::string& schema) : operations_(schema) {}

  OperationsWriter operations_;
  std::vector<Source> sources_;
};

}  // namespace holdfast::postgres
