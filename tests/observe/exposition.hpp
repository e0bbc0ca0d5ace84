#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::test {

using Labels = std::map<std::string, std::string>;

/// One metric family as a scraper would read it.
struct Family {
  std::string help;
  std::string type;
  std::vector<std::pair<std::pair<std::string, Labels>, double>> samples;

  /// The value of the one sample with this full name and exactly these labels; throws if there is
  /// none, or if there are two.
  [[nodiscard]] double at(const std::string& name, const Labels& labels = {}) const;
};

/// Reads the Prometheus text format and throws std::runtime_error at the first thing that is not
/// exactly as the format says: HELP and TYPE once and first, samples of one family together, names
/// and labels well formed, no sample twice, buckets cumulative and closed by +Inf.
/// Source:   https://prometheus.io/docs/instrumenting/exposition_formats/
[[nodiscard]] std::map<std::string, Family> parse_exposition(std::string_view text);

}  // namespace holdfast::test
