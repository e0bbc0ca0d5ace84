#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "holdfast/destination.hpp"

namespace holdfast::support {

/// A failure of the given class; `session_lost` for those that end a session.
[[nodiscard]] DeliveryFailure failure_of(DeliveryClass delivery_class, std::string sqlstate = "",
                                         std::string message = "");

/// Postgres as a model in memory: rows unique by id and by (source, dedupe key), each batch all or
/// nothing, a session that opens by itself and can be lost. Failures are scripted.
/// The conformance suite that the real destination passes runs on it, too.
/// Several of them may be sessions of one server: its rows, script, rule and calls are everybody's.
///
/// Threads:  any, but deliver: one at a time for each session.
class FakeDestination final : public Destination {
 public:
  struct Call {
    std::size_t session = 0;
    std::vector<std::int64_t> seqs;
    std::optional<DeliveryFailure> failure;  ///< As it was answered.
  };
  struct Row {
    Uuid id;
    std::int64_t seq = 0;
    std::string source;
    std::optional<std::int64_t> order_hash;
    std::optional<std::string> dedupe_key;
    std::string body;
  };
  /// Looks at a batch and fails it, or not.
  using Rule = std::function<std::optional<DeliveryFailure>(std::span<const Entry>)>;

  FakeDestination();
  /// Another session of the same server.
  [[nodiscard]] std::unique_ptr<FakeDestination> another_session();

  /// The next `times` calls fail so, before any rule is asked.
  void fail_next(DeliveryFailure failure, int times = 1);
  /// The next call commits and then says that it is in doubt: the link died inside COMMIT.
  void commit_in_doubt_next();
  /// Every call is asked; replaces the rule before.
  void set_rule(Rule rule);
  /// Every batch that holds an entry with one of these bodies fails so.
  void refuse_bodies(std::set<std::string> bodies, DeliveryFailure failure);
  /// Every batch that holds an entry of this source fails for the source's own statement.
  void refuse_statement_of(const std::string& source, DeliveryFailure failure);
  /// The next deliver hangs until interrupt().
  void stall_next();
  /// From now on every probe fails so; nullopt: they work.
  void fail_probes(std::optional<DeliveryFailure> failure);
  [[nodiscard]] std::size_t probes() const;
  /// No failure any more.
  void heal();

  [[nodiscard]] std::vector<Call> calls() const;
  void forget_calls();
  [[nodiscard]] std::vector<Row> rows() const;  ///< In the order of insertion.
  /// The rows from this index on.
  [[nodiscard]] std::vector<Row> rows_from(std::size_t first) const;
  /// What a source's own `UPDATE counters SET n = n + 1` has come to: run once for each new row.
  [[nodiscard]] std::uint64_t counter(const std::string& source) const;
  /// Batches that were sent so far, whatever became of them.
  [[nodiscard]] std::size_t calls_made() const;
  [[nodiscard]] bool stalled() const;
  [[nodiscard]] std::uint64_t closes() const;

  [[nodiscard]] std::expected<std::vector<Delivered>, DeliveryFailure> deliver(
      std::span<const Entry> batch) override;
  /// Asks for the next batch before anything becomes of this one.
  [[nodiscard]] std::expected<std::vector<Delivered>, DeliveryFailure> deliver_and_prepare(
      std::span<const Entry> batch, const NextBatch& next) override;
  [[nodiscard]] std::expected<void, DeliveryFailure> probe() override;
  [[nodiscard]] bool connected() const override;
  void close() override;
  void interrupt() override;
  [[nodiscard]] std::uint64_t connects() const override;

 private:
  struct Scripted {
    DeliveryFailure failure;
    bool commits_first = false;
  };
  struct Server;
  FakeDestination(std::shared_ptr<Server> server, std::size_t session);

  // Constant after construction.
  const std::shared_ptr<Server> server_;
  const std::size_t session_;
  // Guarded by the server's mutex: any thread.
  bool connected_ = false;
  bool session_had_lived_ = false;
  std::uint64_t connects_ = 0;
  std::uint64_t closes_ = 0;
};

}  // namespace holdfast::support
