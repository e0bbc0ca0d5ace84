#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>

#include "auditor.hpp"
#include "dice.hpp"
#include "holdfast/destination.hpp"
#include "world.hpp"

namespace holdfast::simulation {

/// How Postgres is: what it does with each batch. Outages come by chance, refusals by what a batch
/// holds.
class Weather {
 public:
  Weather(Dice& dice, World& world, Auditor& auditor);
  ~Weather();
  Weather(const Weather&) = delete;
  Weather& operator=(const Weather&) = delete;

  /// Another weather, good or bad.
  void change();
  /// All is well but for entries that are bad by themselves.
  void clear();
  /// No entry breaks a session any more.
  void mend_server() { server_mended_ = true; }
  /// The schema is mended, too: nothing is bad any more.
  void mend();
  /// The process dies in the next delivery: before Postgres has the batch, or right after.
  void die_in_delivery() { dies_ = true; }
  [[nodiscard]] bool dies() const { return dies_; }
  /// Entries that a sender wrote that way.
  [[nodiscard]] bool is_bad(const Entry& entry) const;
  [[nodiscard]] std::string describe() const;

 private:
  [[nodiscard]] std::optional<DeliveryFailure> judge(std::span<const Entry> batch);
  [[nodiscard]] std::optional<DeliveryFailure> outage(bool refused);
  [[nodiscard]] std::optional<DeliveryFailure> refusal(std::span<const Entry> batch);
  [[nodiscard]] std::optional<DeliveryFailure> refusal_of_source(std::span<const Entry> batch);
  [[nodiscard]] bool parent_missing(const Entry& entry) const;

  Dice& dice_;
  World& world_;
  Auditor& auditor_;
  int chance_ = 0;                      ///< Of an outage, in percent a batch.
  std::optional<DeliveryClass> only_;   ///< Every outage is of this class.
  std::string misconfigured_;           ///< The source whose own statement does not work.
  std::string locked_;                  ///< The source whose table is locked.
  std::string slow_;                    ///< The source whose statement takes too long.
  std::string drifted_;                 ///< The source of which every entry is refused.
  std::chrono::milliseconds takes_{0};  ///< A delivery.
  bool server_mended_ = false;
  bool mended_ = false;
  bool dies_ = false;
};

}  // namespace holdfast::simulation
