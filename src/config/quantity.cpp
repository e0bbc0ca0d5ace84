#include "config/quantity.hpp"

#include <charconv>
#include <format>
#include <limits>
#include <span>
#include <system_error>

#include "config/errors.hpp"

namespace holdfast::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// Smallest first.
constexpr Unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr Unit size_units[] = {
    {"B", 1}, {"KiB", 1ULL << 10U}, {"MiB", 1ULL << 20U}, {"GiB", 1ULL << 30U}};

/// What is said about the two kinds of quantity.
struct Wording {
  std::string_view examples;
  std::string_view units;
};
constexpr Wording duration_wording{R"("10s" or "5m")", "ms, s, m, h or d"};
constexpr Wording size_wording{R"("16KiB" or "4MiB")", "B, KiB, MiB or GiB"};

/// Sizes end in a signed 64-bit column and durations in signed milliseconds.
constexpr auto value_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::expected<std::uint64_t, std::string> parse(std::string_view text, std::span<const Unit> units,
                                                const Wording& wording) {
  const auto wrong = [&](std::string_view why) {
    return std::unexpected(std::format("{} {}; write a whole number with a unit, such as {}",
                                       in_quotes(text), why, wording.examples));
  };
  if (text.empty()) return wrong("is empty");
  if (text.front() == '-') return wrong("is negative");
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, number);
  if (status == std::errc::result_out_of_range) return wrong("is too large");
  if (status != std::errc()) return wrong("does not begin with a digit");
  const std::string_view name(rest, end);
  if (name.empty()) return wrong("has no unit");
  if (name.front() == '.' || name.front() == ',') return wrong("is not a whole number");
  for (const auto& unit : units) {
    if (name != unit.name) continue;
    if (number > value_max / unit.factor) return wrong("is too large");
    return number * unit.factor;
  }
  return std::unexpected(std::format("{} has an unknown unit {}; the units are {}", in_quotes(text),
                                     in_quotes(name), wording.units));
}

std::string to_text(std::uint64_t value, std::span<const Unit> units) {
  Unit best = units.front();
  for (const auto& unit : units)
    if (value != 0 && value % unit.factor == 0) best = unit;
  return std::format("{}{}", value / best.factor, best.name);
}

}  // namespace

std::expected<std::chrono::milliseconds, std::string> parse_duration(std::string_view text) {
  return parse(text, duration_units, duration_wording).transform([](std::uint64_t milliseconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
  });
}

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  return parse(text, size_units, size_wording);
}

std::string duration_text(std::chrono::milliseconds duration) {
  // As one writes it, and as the defaults are documented.
  if (duration == std::chrono::days(1)) return "24h";
  return to_text(static_cast<std::uint64_t>(duration.count()), duration_units);
}

std::string size_text(std::uint64_t bytes) {
  return to_text(bytes, size_units);
}

}  // namespace holdfast::config
