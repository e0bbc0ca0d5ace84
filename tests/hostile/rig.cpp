#include "rig.hpp"

#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <format>
#include <set>
#include <sstream>

#include "base/encoding.hpp"
#include "support/http.hpp"
#include "support/scratch_folder.hpp"
#include "support/wait.hpp"

namespace holdfast::hostile {

using namespace std::chrono_literals;

namespace {

std::string uuid_text(const void* bytes) {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += std::format("{:02x}", static_cast<const unsigned char*>(bytes)[i]);
  }
  return text;
}

std::int64_t number_behind(const std::string& text, const std::string& name) {
  const auto at = text.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::stoll(text.substr(at + name.size() + 2));
}

DaemonConfig config_with(const std::string& ingress_lines, const std::string& more_sources) {
  auto config = e2e::config_for("");
  config.ingress = ingress_lines;
  config.sources += more_sources;
  return config;
}

}  // namespace

std::string head(std::string_view header_lines, std::string_view target) {
  return std::format("POST {} HTTP/1.1\r\nHost: h\r\n{}\r\n", target, header_lines);
}

std::string post(std::string_view body, std::string_view header_lines, std::string_view target) {
  return head(std::format("{}Content-Length: {}\r\n", header_lines, body.size()), target) +
         std::string(body);
}

std::string id_of(const Answer& answer) {
  const auto id = answer.headers.find("holdfast-id");
  const bool accepted = answer.status >= 200 && answer.status < 300;
  return accepted && id != answer.headers.end() ? id->second : "";
}

Target::Target(const std::string& ingress_lines, const std::string& more_sources)
    : daemon_(config_with(ingress_lines, more_sources)) {
  daemon_.start();
  pid_ = daemon_.pid();
}

Answer Target::note(const Answer& answer) {
  if (auto id = id_of(answer); !id.empty()) ids_.push_back(std::move(id));
  return answer;
}

void Target::note(const std::vector<std::string>& ids) {
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

Answer Target::exchange(std::string_view bytes) {
  RawClient client(port());
  client.send(bytes);
  return note(client.receive());
}

void Target::finish(Answers answers) {
  REQUIRE(daemon_.running());
  CHECK(daemon_.pid() == pid_);
  CHECK(daemon_.readyz() == 200);
  CHECK(exchange(post("the last")).status == 202);
  CHECK(daemon_.terminate() == 0);
  // Only a sanitizer writes such lines; the first report is the one to read.
  const auto log = daemon_.log_text();
  if (const auto at = log.find("WARNING: "); at != std::string::npos) FAIL(log.substr(at, 8000));
  const auto stored = stored_ids(daemon_);
  const std::set<std::string> once(ids_.begin(), ids_.end());
  CHECK(once.size() == ids_.size());
  const std::set<std::string> kept(stored.begin(), stored.end());
  CHECK(kept.size() == stored.size());
  CHECK(std::ranges::includes(kept, once));
  if (answers == Answers::all_read) CHECK(kept.size() == once.size());
}

std::vector<std::string> stored_ids(const Daemon& daemon) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open_v2(daemon.outbox_path().c_str(), &database, SQLITE_OPEN_READONLY, nullptr) ==
          SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  REQUIRE(sqlite3_prepare_v2(database, "SELECT id FROM entry ORDER BY seq", -1, &statement,
                             nullptr) == SQLITE_OK);
  std::vector<std::string> ids;
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW)
    ids.push_back(uuid_text(sqlite3_column_blob(statement, 0)));
  CHECK(step == SQLITE_DONE);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return ids;
}

Usage usage_of(int pid) {
  const std::string folder = std::format("/proc/{}/", pid);
  const std::string status = support::read_file(folder + "status");
  Usage usage;
  usage.threads = static_cast<int>(number_behind(status, "Threads"));
  usage.resident_kib = number_behind(status, "VmRSS");
  usage.peak_kib = number_behind(status, "VmHWM");
  const std::filesystem::directory_iterator files(folder + "fd");
  usage.descriptors = static_cast<int>(std::distance(begin(files), end(files)));
  return usage;
}

void forget_peak(int pid) {
  // The kernel takes "5" for: the peak begins anew.
  support::write_file(std::format("/proc/{}/clear_refs", pid), "5");
}

double processor_seconds(int pid) {
  const auto text = support::read_file(std::format("/proc/{}/stat", pid));
  // Behind the name in parentheses the 12th and 13th field: user and system time.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

bool memory_counts() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

void need_descriptors(std::uint64_t count) {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  if (files.rlim_cur >= count) return;
  files.rlim_cur = std::max<rlim_t>(count, files.rlim_max);
  files.rlim_max = files.rlim_cur;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0)
    FAIL("this test needs " << count << " open files in one process; raise the hard limit (ulimit "
                            << "-Hn) or run it as root");
}

Healthy post_healthily(std::uint16_t port, int count, bool fresh) {
  const SystemClock clock;
  Healthy seen;
  auto client = std::make_unique<RawClient>(port);
  for (int i = 0; i < count; ++i) {
    const auto started = clock.steady_now();
    if (fresh) client = std::make_unique<RawClient>(port);
    const auto answer = client->exchange(post(std::format("healthy {}", i)));
    seen.slowest = std::max(
        seen.slowest, std::chrono::ceil<std::chrono::milliseconds>(clock.steady_now() - started));
    if (answer.status == 202) {
      seen.ids.push_back(id_of(answer));
    } else {
      seen.refusals.push_back(answer.status);
      client = std::make_unique<RawClient>(port);
    }
  }
  return seen;
}

HealthySender::HealthySender(std::uint16_t port)
    : thread_([this, port](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          for (const bool fresh : {true, false}) {
            auto some = post_healthily(port, 5, fresh);
            seen_.ids.insert(seen_.ids.end(), some.ids.begin(), some.ids.end());
            seen_.refusals.insert(seen_.refusals.end(), some.refusals.begin(), some.refusals.end());
            seen_.slowest = std::max(seen_.slowest, some.slowest);
          }
          support::pause_for(5ms);
        }
      }) {}

Healthy HealthySender::stop() {
  thread_.request_stop();
  thread_.join();
  return seen_;
}

void check_healthy(const Healthy& healthy) {
  CHECK_FALSE(healthy.ids.empty());
  CHECK(healthy.refusals == std::vector<int>{});
  CHECK(healthy.slowest < patience_max);
}

}  // namespace holdfast::hostile
