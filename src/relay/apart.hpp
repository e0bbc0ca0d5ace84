#pragma once

#include <cstdint>
#include <map>
#include <string>

/// Sources whose own trouble must not be the others'.
namespace holdfast::relay {

/// The sources that met a lock or were too slow while they shared a batch. Each is claimed and
/// delivered by itself, after the others and with as many entries as may still work, until it went
/// well again.
/// Memory:   one record a source.
///
/// Threads:  one at a time.
class ApartSources {
 public:
  /// `full` entries a batch is what everybody may have.
  explicit ApartSources(std::uint32_t full) : full_(full) {}

  /// From now on; what is known of it already stays.
  void add(const std::string& source) { sources_.try_emplace(source, Share{full_}); }
  /// It failed by itself, too.
  void shrink(const std::string& source, std::uint32_t entries_max);
  /// A part of it was committed: more, and in the end together with the others again.
  void delivered(const std::string& source);
  [[nodiscard]] bool contains(const std::string& source) const { return sources_.contains(source); }
  [[nodiscard]] bool empty() const { return sources_.empty(); }
  /// How many entries its next part may have.
  /// Needs:    it is apart.
  [[nodiscard]] std::uint32_t entries_max(const std::string& source) const;

 private:
  struct Share {
    std::uint32_t entries_max = 1;
    std::uint32_t good = 0;  ///< Parts that were committed since it last grew.
  };

  // Constant after construction.
  const std::uint32_t full_;
  // Owned by the relay thread.
  std::map<std::string, Share> sources_;
};

}  // namespace holdfast::relay
