#include <sys/resource.h>

#include <format>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/admin_client.hpp"
#include "cli/doctor.hpp"
#include "cli/output.hpp"
#include "holdfast/version.hpp"

namespace holdfast::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds daemon_timeout{5};

/// Of a process of ours with this id; nullopt where there is none to be seen.
std::optional<std::uint64_t> open_files_of(int pid) {
  const auto folder = std::format("/proc/{}/", pid);
  std::string name;
  std::getline(std::ifstream(folder + "comm") >> std::ws, name);
  if (name != "holdfast") return std::nullopt;
  std::ifstream limits(folder + "limits");
  for (std::string line; std::getline(limits, line);) {
    constexpr std::string_view label = "Max open files";
    if (!line.starts_with(label)) continue;
    std::istringstream rest(line.substr(label.size()));
    std::uint64_t soft = 0;
    if (rest >> soft) return soft;
  }
  return std::nullopt;
}

/// The daemon raises its soft limit to the hard one.
Check check_open_files(const Config& config) {
  const auto facts = look_at_outbox(config.outbox.path);
  if (facts && facts->daemon_pid)
    if (const auto limit = open_files_of(*facts->daemon_pid))
      return judge_open_files(*limit, "the daemon", config.ingress);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return judge_open_files(files.rlim_max, "a daemon started from here", config.ingress);
}

/// One that works on another file than we look at, as with a relative path from another folder:
/// all that was found about ours tells nothing of it then.
bool has_other_outbox(const Config& config, const json& status) {
  const auto facts = look_at_outbox(config.outbox.path);
  const auto theirs = status.find("node");
  if (!facts || theirs == status.end() || !theirs->is_string()) return false;
  return !facts->node || facts->node->to_string() != theirs->get<std::string>();
}

Check judge_status(const std::string& url, const Config& config, const json& status) {
  const auto theirs = status.value("version", std::string("unknown"));
  Check check{"daemon", Verdict::ok,
              std::format("answers at {}, version {}", url, printable(theirs)), ""};
  const auto outbox = status.find("outbox");
  const bool refuses =
      outbox != status.end() && outbox->is_object() && !outbox->value("can_store", true);
  if (refuses) {
    check.verdict = Verdict::fail;
    check.found += ", and cannot store";
    check.cure = "see \"holdfast status\"";
  } else if (has_other_outbox(config, status)) {
    check.verdict = Verdict::fail;
    check.found += std::format(", but has another outbox than {}", config.outbox.path);
    check.cure =
        "run this with the daemon's configuration and, if outbox.path is relative, in its folder";
  } else if (theirs != version()) {
    check.verdict = Verdict::warn;
    check.found += std::format("; this program has {}", version());
    check.cure = "restart the daemon, so that it runs what is installed";
  }
  return check;
}

}  // namespace

void check_daemon(const Config& config, Checks& checks) {
  const std::string url = admin_url(config.admin.listen);
  const auto reply = admin_get(url, "/api/v1/status", admin_token(config), daemon_timeout);
  if (!reply) {
    // Before a start none is expected, and whether one runs is for healthcheck to say; but one that
    // has the outbox open must answer.
    const auto facts = look_at_outbox(config.outbox.path);
    const bool runs = facts && facts->is_locked;
    checks.push_back({"daemon", runs ? Verdict::fail : Verdict::warn, reply.error().message,
                      runs ? std::format("process {} has the outbox open: see its log, and whether "
                                         "it has this admin.listen",
                                         facts->daemon_pid.value_or(0))
                           : "start it; its log says why if it does not stay up"});
  } else {
    const auto status = json::parse(reply->body, nullptr, false);
    if (reply->status == 200 && status.is_object())
      checks.push_back(judge_status(url, config, status));
    else
      checks.push_back({"daemon", Verdict::fail,
                        std::format("asking the daemon at {}: {}", url, refusal_text(*reply)),
                        "check admin.listen and admin.token"});
  }
  checks.push_back(check_open_files(config));
}

}  // namespace holdfast::cli
