#pragma once

#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/destination.hpp"
#include "holdfast/entry.hpp"
#include "postgres/inbox_columns.hpp"
#include "postgres/payload.hpp"
#include "postgres/session.hpp"

namespace holdfast::postgres {

/// Whether bodies go into `payload` as well.
enum class PayloadUse { parsed, none };

/// A batch inside the transaction that stores it. Payloads and outcomes are by its positions.
struct Stored {
  std::vector<Delivered> outcomes;
  /// Positions of the entries that this very transaction stores, in commit order; what was there
  /// before, by id or by key, is not among them.
  std::vector<std::size_t> added;
};

/// The statements on table inbox.
///
/// Threads:  one at a time.
class Inbox {
 public:
  /// `node` is that of the outbox that the entries come from.
  Inbox(const std::string& schema, const Uuid& node);

  /// Writes a batch inside the transaction that `begin` opens, on the way with it, and says of each
  /// entry whether it was new; of an error, whether it was one of `begin`, by its step.
  /// One statement writes all: a unique violation of our two keys is a duplicate, and any other
  /// unique violation an error, so that nothing is taken for stored that is not.
  ///
  /// Promise:  on success, and once the caller has committed, every entry of the batch is there.
  /// Needs:    a payload for each entry; the columns of these; READ COMMITTED, to see what others
  ///           have committed meanwhile.
  [[nodiscard]] std::expected<Stored, PipelineError> insert(
      Session& session, std::span<const std::string> begin, std::span<const Entry> batch,
      std::span<const Payload> payloads, PayloadUse payload_use, const InboxColumns& columns,
      SteadyTime deadline, const std::function<void()>& meanwhile = {}) const;
  /// What insert sends; can be made before there is a session.
  [[nodiscard]] static InboxColumns encode(std::span<const Entry> batch,
                                           std::span<const Payload> payloads,
                                           PayloadUse payload_use);

 private:
  [[nodiscard]] std::expected<void, SqlError> settle_missing(
      Session& session, std::span<const Entry> batch, std::span<const Payload> payloads,
      std::span<const std::size_t> missing, Stored& stored, SteadyTime deadline) const;

  // Constant after construction.
  std::string insert_sql_;
  std::string insert_strictly_sql_;
  std::string find_sql_;
  std::string node_;
};

}  // namespace holdfast::postgres
