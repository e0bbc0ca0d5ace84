#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.hpp"
#include "holdfast/outbox.hpp"
#include "holdfast/relay.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_destination.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::support {

/// A real outbox with its writer thread, a relay driven by hand, a fake clock and a fake
/// destination.
class RelayRig {
 public:
  struct Logged {
    LogLevel level;
    std::string name;
    std::string message;
    std::map<std::string, std::string> fields;
  };
  struct Options {
    DestinationConfig destination;
    std::vector<std::string> sources{"a", "b", "c"};
    std::uint64_t seed = 1;
    bool configured = true;
    std::size_t connections = 1;
  };
  RelayRig() : RelayRig(Options()) {}
  explicit RelayRig(Options options);
  ~RelayRig();

  /// Accepts one write and returns its id.
  Uuid append(const std::string& source, const std::string& body,
              std::optional<std::string> key = std::nullopt);
  /// What one write is made of.
  struct Write {
    std::string source;
    std::string body;
    std::optional<std::string> key;
    std::optional<std::string> order = std::nullopt;  ///< The value of order_by.
  };
  /// Accepts these writes in one group commit, in their order; returns their ids.
  std::vector<Uuid> append_all(const std::vector<Write>& writes);
  /// Accepts `count` writes with bodies "<source>-0", "<source>-1", ...
  void append_many(const std::string& source, int count);
  /// Steps until the relay wants to wait; returns what it waits for.
  RelayStep settle_down();
  /// Lets this much time pass, with every step that falls into it.
  void pass_time(std::chrono::milliseconds time);
  /// Lets time pass, with the faults as they are, until nothing is pending or a long time is over.
  void drain();
  /// Without its writer the outbox refuses to settle; claims still work.
  void stop_writer();
  void start_writer();
  /// A new relay on the same outbox, as after a restart of the process.
  void restart_relay();

  [[nodiscard]] Entry find(const Uuid& id);
  [[nodiscard]] std::uint64_t count(EntryState state) const;
  [[nodiscard]] std::vector<Logged> events(const std::string& name) const;
  /// The sizes of the batches sent so far.
  [[nodiscard]] std::vector<std::size_t> batch_sizes() const;
  /// The bodies that the destination holds of a source, in their order.
  [[nodiscard]] std::vector<std::string> bodies_of(const std::string& source) const;
  /// Sessions opened so far, by all machines.
  [[nodiscard]] std::uint64_t connects() const;

  /// The end of every fault test: all faults off, time passes, and everything accepted is in the
  /// destination exactly once, in order per group; `dead` bodies alone are dead instead.
  void everything_arrives(const std::set<std::string>& dead = {});

  // Public on purpose: a test reaches into its rig.
  FakeClock clock;
  FakeDestination destination;  ///< The first session; all share its rules and rows.
  std::vector<std::unique_ptr<FakeDestination>> other_sessions;
  ScratchFolder folder;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<Relay> relay;

 private:
  void check_entry(const Entry& entry, const std::set<std::string>& dead,
                   const std::map<Uuid, int>& copies);

  const Options options_;
  base::Guarded<std::vector<Logged>> log_;
  std::vector<Uuid> accepted_;
  std::jthread writer_;
};

}  // namespace holdfast::support
