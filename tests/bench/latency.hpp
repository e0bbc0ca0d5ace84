#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <vector>

namespace holdfast::bench {

/// Every measured time, so that a percentile is one of them and not the edge of a bucket.
class Latencies {
 public:
  void add(std::int64_t nanoseconds) { nanoseconds_.push_back(nanoseconds); }
  void add(const Latencies& others) {
    nanoseconds_.insert(nanoseconds_.end(), others.nanoseconds_.begin(), others.nanoseconds_.end());
  }
  [[nodiscard]] std::size_t size() const { return nanoseconds_.size(); }

  /// `"p50_ms":…,"p99_ms":…,"max_ms":…`, each name with the prefix.
  [[nodiscard]] std::string json(const std::string& prefix = "") {
    std::ranges::sort(nanoseconds_);
    return std::format(R"("{0}p50_ms":{1:.4f},"{0}p99_ms":{2:.4f},"{0}max_ms":{3:.4f})", prefix,
                       milliseconds_at(0.5), milliseconds_at(0.99), milliseconds_at(1));
  }

 private:
  /// Of a sorted list.
  [[nodiscard]] double milliseconds_at(double share) const {
    if (nanoseconds_.empty()) return 0;
    const auto last = static_cast<double>(nanoseconds_.size() - 1);
    return static_cast<double>(nanoseconds_[static_cast<std::size_t>(share * last)]) / 1e6;
  }

  std::vector<std::int64_t> nanoseconds_;
};

}  // namespace holdfast::bench
