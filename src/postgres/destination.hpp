#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/log.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/inbox.hpp"
#include "postgres/interrupt.hpp"
#include "postgres/session.hpp"
#include "postgres/source_writes.hpp"

namespace holdfast::postgres {

/// Delivers into table inbox of a Postgres, direct or behind a pooler in transaction mode, and runs
/// the operations and statements of the sources in the same transaction, for new entries alone.
/// Connects when there is something to deliver, and keeps no state in the session.
///
/// Threads:  one at a time, but interrupt() and connects(): any.
/// Blocks:   deliver: at most connect_timeout + deliver_timeout, and what the resolver takes.
class PostgresDestination final : public Destination {
 public:
  /// `node` is that of the outbox; nothing is sent yet.
  /// Errors:   refused (the URL or the schema name cannot be used, without the URL; a statement
  ///           cannot be read, with its source and number).
  [[nodiscard]] static std::expected<std::unique_ptr<PostgresDestination>, Failure> create(
      const DestinationConfig& config, std::span<const SourceConfig> sources, const Uuid& node,
      const Clock& clock, LogSink log);
  ~PostgresDestination() override;

  [[nodiscard]] std::expected<std::vector<Delivered>, DeliveryFailure> deliver(
      std::span<const Entry> batch) override;
  /// Gets the next batch ready while Postgres works on the inbox.
  [[nodiscard]] std::expected<std::vector<Delivered>, DeliveryFailure> deliver_and_prepare(
      std::span<const Entry> batch, const NextBatch& next) override;
  [[nodiscard]] std::expected<void, DeliveryFailure> probe() override;
  [[nodiscard]] bool connected() const override;
  void close() override;
  /// One that comes between two deliveries ends the next: a stop must not be lost.
  void interrupt() override { interrupt_.raise(); }
  [[nodiscard]] std::uint64_t connects() const override { return connects_; }

 private:
  using Outcome = std::expected<std::vector<Delivered>, DeliveryFailure>;
  /// What is made of a batch before it is sent.
  struct Prepared {
    std::vector<Uuid> ids;  ///< Of its entries: an entry never changes.
    std::vector<Payload> payloads;
    InboxColumns columns;
  };
  /// A batch on its way, and how the next transaction is to write it.
  struct Work {
    std::span<const Entry> batch;
    Prepared prepared;
    PayloadUse payload_use = PayloadUse::parsed;
    SteadyTime started_at;
    std::function<void()> meanwhile;  ///< For while Postgres works on the inbox.
  };
  enum class Stage { begin, inbox, writes, commit };
  /// Where a transaction failed decides whether another way of writing can help.
  struct Failed {
    DeliveryFailure failure;
    Stage stage = Stage::begin;
    bool again_helps = false;
  };

  PostgresDestination(const DestinationConfig& config, Conninfo conninfo, SourceWrites writes,
                      const Uuid& node, const Clock& clock, LogSink log);
  [[nodiscard]] Outcome attempt(std::span<const Entry> batch, std::function<void()> meanwhile);
  [[nodiscard]] static Prepared prepare(std::span<const Entry> batch);
  [[nodiscard]] Prepared take_prepared(std::span<const Entry> batch);
  void prepare_next(const NextBatch& next) noexcept;
  [[nodiscard]] std::expected<void, DeliveryFailure> have_session();
  [[nodiscard]] std::expected<void, DeliveryFailure> open_session();
  [[nodiscard]] std::expected<void, DeliveryFailure> make_schema_ready(SteadyTime deadline);
  [[nodiscard]] std::expected<std::vector<Delivered>, Failed> transact(const Work& work,
                                                                       SteadyTime deadline);
  [[nodiscard]] std::expected<void, DeliveryFailure> commit(const std::vector<std::string>& wrote,
                                                            SteadyTime deadline);
  [[nodiscard]] static bool another_way(Work& work, const Failed& failed);
  void roll_back(DeliveryFailure& failure, SteadyTime deadline);
  [[nodiscard]] DeliveryFailure fail(const SqlError& error, Phase phase);
  [[nodiscard]] DeliveryFailure fail_own(const WriteFailure& failed);
  [[nodiscard]] DeliveryFailure describe(const SqlError& error, const Verdict& verdict,
                                         std::string message);
  void drop_session(LogLevel level, const std::string& reason);

  // Constant after construction.
  DestinationConfig config_;
  Conninfo conninfo_;
  Inbox inbox_;
  const Clock& clock_;
  LogSink log_;

  // Owned by the delivering thread.
  SourceWrites writes_;
  std::optional<Prepared> next_;   ///< Of the batch that is probably the next.
  std::optional<Prepared> spent_;  ///< Of the last one: freed while Postgres works on the next.
  std::optional<Session> session_;
  bool session_has_lived_ = false;  ///< It has committed a batch.
  bool memory_kept_ = false;        ///< The server's process keeps what a large batch takes.
  bool schema_ready_ = false;

  // Any thread.
  Interrupt interrupt_;
  std::atomic<std::uint64_t> connects_{0};
};

}  // namespace holdfast::postgres
