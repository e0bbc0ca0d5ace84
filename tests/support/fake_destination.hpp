#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
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
///
/// Threads:  any, but deliver: one at a time.
class FakeDestination final : public Destination {
 public:
  struct Call {
    std::vector<std::int64_t> seqs;
    std::optional<DeliveryFailure> failure;  ///< As it was answered.
  };
  struct Row {
    Uuid id;
    std::int64_t seq = 0;
    std::string source;
    std::optional<std::string> dedupe_key;
    std::string body;
  };
  /// Looks at a batch and fails it, or not.
  using Rule = std::function<std::optional<DeliveryFailure>(std::span<const Entry>)>;

  /// The next `times` calls fail so, before any rule is asked.
  void fail_next(DeliveryFailure failure, int times = 1);
  /// The next call commits and then says that it is in doubt: the link died inside COMMIT.
  void commit_in_doubt_next();
  /// Every call is asked; replaces the rule before.
  void set_rule(Rule rule);
  /// Every batch that holds an entry with one of these bodies fails so.
  void refuse_bodies(std::set<std::string> bodies, DeliveryFailure failure);
  /// The next deliver hangs until interrupt().
  void stall_next();
  /// No failure any more.
  void heal();

  [[nodiscard]] std::vector<Call> calls() const;
  void forget_calls();
  [[nodiscard]] std::vector<Row> rows() const;  ///< In the order of insertion.
  [[nodiscard]] bool stalled() const;
  [[nodiscard]] std::uint64_t closes() const;

  [[nodiscard]] std::expected<std::vector<Delivered>, DeliveryFailure> deliver(
      std::span<const Entry> batch) override;
  [[nodiscard]] bool connected() const override;
  void close() override;
  void interrupt() override;
  [[nodiscard]] std::uint64_t connects() const override;

 private:
  struct Scripted {
    DeliveryFailure failure;
    bool commits_first = false;
  };
  [[nodiscard]] std::optional<Scripted> next_failure(std::span<const Entry> batch);
  [[nodiscard]] std::vector<Delivered> store(std::span<const Entry> batch);

  mutable std::mutex mutex_;
  std::condition_variable interrupted_;
  // Guarded by mutex_: any thread.
  std::vector<Scripted> script_;
  Rule rule_;
  std::vector<Call> calls_;
  std::vector<Row> rows_;
  std::set<Uuid> ids_;
  std::map<std::pair<std::string, std::string>, Uuid> keys_;
  bool stall_ = false;
  bool stalled_ = false;
  bool connected_ = false;
  bool session_had_lived_ = false;
  std::uint64_t connects_ = 0;
  std::uint64_t closes_ = 0;
};

}  // namespace holdfast::support
