#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "holdfast/outbox.hpp"
#include "support/disk_vfs.hpp"
#include "support/fake_clock.hpp"
#include "support/scratch_folder.hpp"

/// Power cuts: an outbox is used, and at every moment of its disk it is asked what a power cut
/// would have left of what its senders and its relay had been told by then.
namespace holdfast::power {

/// What somebody was told, and the position of the disk at that moment: from there on it must hold.
struct Fact {
  std::uint64_t position = 0;
  Uuid id;
  EntryState state = EntryState::pending;
};
struct Submitted {
  std::string source;
  std::string body;
  std::optional<std::string> key;
};

/// An outbox on a disk that is recorded, and the book of all that was asked and told.
class Lab {
 public:
  explicit Lab(std::uint64_t seed, std::size_t body_bytes_max = 3'000);
  ~Lab();

  [[nodiscard]] bool start(bool checkpoint_on_open = true);
  void stop();
  void kill();
  /// So many writes in one group commit, one in eight a repeat of one before.
  void append(int count);
  void settle_some();
  /// An operator retries or discards some entry that is not delivered.
  void operate();
  /// What is there is taken for the file of a version that knew no order groups. Needs:  stopped.
  void become_version_1();
  /// A field of the file's header becomes one that no outbox has. Needs:  stopped.
  void damage_header();
  /// Passes time for the outbox alone, so that it keeps house.
  void rest(std::chrono::milliseconds time);
  /// One seeded step of all of these.
  void step();
  /// The newest write is repeated, and answered as a duplicate.
  void repeat_newest();
  [[nodiscard]] std::uint64_t position() const { return disk.position(); }

  support::DiskVfs disk;
  support::FakeClock clock;
  std::unique_ptr<Outbox> outbox;
  std::map<std::string, Submitted> submitted;  ///< By body.
  std::vector<Fact> facts;                     ///< By position.
  std::vector<Fact> asked;  ///< What somebody asked for at that position, and was not told yet.
  std::mt19937_64 random;

 private:
  [[nodiscard]] NewEntry entry_of(const Submitted& write) const;
  [[nodiscard]] int below(int limit) {
    return static_cast<int>(random() % static_cast<std::uint64_t>(limit));
  }
  void submit_all(const std::vector<Submitted>& writes);
  [[nodiscard]] EntryState told(const Uuid& id) const;

  const std::size_t body_bytes_max_;
  support::ScratchFolder folder_ = support::ScratchFolder::in_memory();
  std::vector<Submitted> order_;
  int number_ = 0;
};

/// Starts real outboxes on images and looks whether all facts hold.
class Inspector {
 public:
  /// A power cut alone is no damage, so nothing may be salvaged after it; unless there was some.
  enum class Salvages { never, may };
  explicit Inspector(Salvages salvages = Salvages::never) : salvages_(salvages) {}
  /// What is wrong with the image that the power cut leaves; empty: nothing.
  [[nodiscard]] std::vector<std::string> look(const Lab& lab, std::uint64_t position,
                                              std::uint64_t seed);
  [[nodiscard]] std::uint64_t images() const { return images_; }
  [[nodiscard]] std::uint64_t distinct() const { return distinct_; }

 private:
  Salvages salvages_;
  support::ScratchFolder folder_ = support::ScratchFolder::in_memory();
  std::map<std::size_t, std::size_t> seen_;  ///< Hash of an image -> facts that it held.
  std::uint64_t images_ = 0;
  std::uint64_t distinct_ = 0;
};

}  // namespace holdfast::power
