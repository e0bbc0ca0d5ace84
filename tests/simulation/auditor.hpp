#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/destination.hpp"
#include "holdfast/outbox.hpp"
#include "senders.hpp"
#include "world.hpp"

namespace holdfast::simulation {

/// Knows what was promised to whom, and looks after each step whether it is kept. It sees what any
/// outsider sees: answers, the outbox's own lists, the batches and rows of Postgres.
/// Every broken promise is thrown as a Violation.
class Auditor {
 public:
  using Digest = std::array<std::uint8_t, 32>;
  /// All that is known of one entry.
  struct Record {
    EntrySummary last;  ///< As it was seen last.
    int write = 0;
    bool listed = false;  ///< It is in the outbox now.
    bool acknowledged = false;
    bool by_operator = false;              ///< Somebody retried or discarded it.
    std::optional<EntryState> asked = {};  ///< What it may become, because somebody asked for it.
    int data_alone = 0;                    ///< Refusals that met it alone.
    int parent_alone = 0;
    int timeout_alone = 0;
  };

  /// A sender is about to send this.
  void sent(const Write& write);
  /// A sender has its 2xx.
  void acknowledged(const Write& write, const Uuid& id, std::optional<bool> duplicate);
  /// This write, or another one under its key, is in the outbox as a first copy.
  [[nodiscard]] std::optional<Uuid> first_copy(const Write& write) const;

  /// A batch has come to Postgres; before anything else happens to it.
  void on_batch(World& world, std::span<const Entry> batch);
  /// It was taken, and Postgres has said so.
  void on_taken(const World& world, std::span<const Entry> batch);
  /// Postgres refused this entry, which was alone in its batch.
  void on_refused_alone(const Entry& entry, DeliveryClass delivery_class);
  [[nodiscard]] const Write* write_of(const Entry& entry) const;

  void operator_changed(const Uuid& id, EntryState to);
  /// The change was refused, after it may have been written.
  void operator_asked(const Uuid& id, EntryState to);
  void operator_paused(const std::optional<std::string>& source, bool paused);

  /// After each step: all promises, of everything there is.
  void look(World& world);
  /// Once nothing is pending any more: everything acknowledged has arrived, once, but for what is
  /// dead or discarded.
  void look_at_the_end(World& world);

  [[nodiscard]] std::uint64_t accepted() const { return accepted_; }
  [[nodiscard]] const std::map<Uuid, Record>& records() const { return records_; }
  [[nodiscard]] std::vector<Uuid> ids_in(EntryState state) const;
  [[nodiscard]] std::size_t rows() const { return rows_; }

 private:
  void look_at_rows(const World& world);
  void look_at_row(const support::FakeDestination::Row& row);
  void look_at_list(const std::vector<EntrySummary>& list);
  void look_at_new(const EntrySummary& entry);
  void look_at_change(const Record& record, const EntrySummary& now) const;
  void look_at_gone(const Record& record) const;
  void look_at_stats(const World& world, const std::vector<EntrySummary>& list) const;
  void look_at_expected();
  [[nodiscard]] int write_under(const Uuid& id) const;
  [[nodiscard]] bool arrived(const EntrySummary& entry) const;

  std::map<Uuid, Record> records_;
  std::map<Digest, int> bodies_;  ///< Of everything ever sent: the number of its write.
  std::map<int, Write> writes_;
  std::map<int, int> sends_;
  std::map<std::pair<std::string, std::string>, Uuid> first_copies_;
  std::map<Uuid, int> fresh_;        ///< Acknowledged since the last look, with their writes.
  std::set<int> conflicts_;          ///< Writes that must have been kept by the next look.
  std::vector<Uuid> receipts_gone_;  ///< First copies that must be gone by the next look.
  std::int64_t highest_seq_ = 0;
  Uuid highest_id_{};         ///< Listed or acknowledged.
  Uuid highest_listed_id_{};  ///< Of the last look: within a step others may be ahead of it.
  std::uint64_t accepted_ = 0;
  // Of Postgres.
  std::size_t rows_ = 0;
  std::set<Uuid> arrived_;
  std::map<std::pair<std::string, std::string>, Uuid> keys_;
  std::map<std::string, std::uint64_t> rows_of_;
  std::map<int, int> rows_of_write_;
  std::map<OrderGroup, std::int64_t> last_seq_;
  std::map<std::uint32_t, std::set<std::int64_t>> taken_;  ///< By shard: the batch just before.
  // Of operators.
  bool all_paused_ = false;
  std::set<std::string> paused_;
};

/// Every entry of the outbox, without payloads, in commit order; nullopt if it cannot be read now.
[[nodiscard]] std::optional<std::vector<EntrySummary>> list_all(
    Outbox& outbox, std::optional<EntryState> state = {});

}  // namespace holdfast::simulation
