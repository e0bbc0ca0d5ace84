#include "observe/process.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace holdfast::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void add(std::vector<MetricFamily>& families, std::string name, std::string help, MetricType type,
         std::optional<double> value) {
  if (!value) return;
  ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
  families.push_back(MetricFamily{std::move(name), std::move(help), type, {std::move(metric)}});
}

std::optional<double> processor_seconds() {
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) != 0) return std::nullopt;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::optional<double> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  if (!(file >> size >> resident)) return std::nullopt;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator folder("/proc/self/fd", error);
  if (error) return std::nullopt;
  // One of them is that of the folder itself.
  return static_cast<double>(std::distance(begin(folder), end(folder)) - 1);
}

std::optional<double> descriptors_max() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return std::nullopt;
  return static_cast<double>(files.rlim_cur);
}

std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double seconds = 0;
    if (words >> name >> seconds && name == "btime") return seconds;
  }
  return std::nullopt;
}

std::optional<double> start_time() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  // The name of the program comes in parentheses and may hold anything; the start is field 22.
  const auto name_end = text.rfind(')');
  const auto boot = boot_time();
  if (name_end == std::string::npos || !boot) return std::nullopt;
  std::istringstream words(text.substr(name_end + 1));
  std::string word;
  for (int field = 3; field <= 22; ++field)
    if (!(words >> word)) return std::nullopt;
  return *boot + std::stod(word) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::string process_metrics_text() {
  std::vector<MetricFamily> families;
  add(families, "process_cpu_seconds_total", "Processor time, user and system.",
      MetricType::Counter, processor_seconds());
  add(families, "process_resident_memory_bytes", "Memory that is really there.", MetricType::Gauge,
      resident_bytes());
  add(families, "process_open_fds", "Open file descriptors.", MetricType::Gauge,
      open_descriptors());
  add(families, "process_max_fds", "How many there may be.", MetricType::Gauge, descriptors_max());
  add(families, "process_start_time_seconds", "Unix time of the start.", MetricType::Gauge,
      start_time());
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace holdfast::observe
