#pragma once

#include <string>
#include <vector>

#include "holdfast/config.hpp"

namespace holdfast::config {

/// What differs between two configurations. It holds names only and no value of either, so that it
/// may be logged. Lines, and the order of the sources, are no difference.
struct Difference {
  /// What a reload applies: "destination.url", "source github: secrets", "source old: removed".
  std::vector<std::string> changed;
  /// The keys of which only a restart applies a change, such as "ingress.listen".
  std::vector<std::string> needs_restart;
  // The parts of the daemon for which `changed` has something.
  bool ingress = false;  ///< How requests are verified, keyed and answered.
  bool relay = false;    ///< What is delivered, and where to.
  bool admin = false;    ///< Who may ask, and the names of the sources.
  [[nodiscard]] bool none() const { return changed.empty() && needs_restart.empty(); }
};

/// Compares every field. One that is added to a configuration does not compile before it has its
/// place here.
[[nodiscard]] Difference difference(const Config& old, const Config& now);

}  // namespace holdfast::config
