#pragma once

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "entry_fixture.hpp"
#include "holdfast/outbox.hpp"
#include "support/process.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::cli::test {

/// An outbox with a delivered, a dead and two pending entries, one of them of a source that is
/// gone.
class OutboxRig {
 public:
  /// `third`: the body of the third entry.
  explicit OutboxRig(const std::string& third = "third") {
    const SystemClock clock;
    OutboxConfig config;
    config.path = folder_.file("holdfast.db");
    config.disk_reserve_bytes = 0;
    Outbox::Dependencies dependencies{.clock = clock,
                                      .log = [](const LogEvent&) {},
                                      .on_broken = [](const Failure&) {},
                                      .vfs = {},
                                      .checkpoint_on_open = true};
    auto outbox = Outbox::open(config, dependencies);
    if (!outbox) throw std::runtime_error(outbox.error().message);
    {
      std::jthread writer([&](const std::stop_token& stop) { (*outbox)->run_writer(stop); });
      fill(**outbox, third);
    }
    (*outbox)->close();
    configure("");
  }

  /// Further lines of its configuration.
  void configure(const std::string& lines) const {
    support::write_file(folder_.file("holdfast.toml"),
                        lines + "[[source]]\nname = \"plain\"\nprovider = \"none\"\n");
  }

  /// `holdfast outbox ARGUMENTS`.
  [[nodiscard]] support::CommandResult run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {HOLDFAST_BINARY, "outbox"});
    return support::run_command({.arguments = std::move(arguments), .folder = folder_.path()});
  }
  [[nodiscard]] nlohmann::json run_json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const auto result = run(std::move(arguments));
    CAPTURE(result.err);
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.out);
  }
  /// In commit order.
  [[nodiscard]] const std::vector<std::string>& ids() const { return ids_; }
  [[nodiscard]] const support::ScratchFolder& folder() const { return folder_; }

 private:
  void fill(Outbox& outbox, const std::string& third) {
    append(outbox, "plain", "key-1", "first body");
    append(outbox, "plain", "\x1b[2Jevil", std::string("\xff\x1b[31m\0x", 8));
    append(outbox, "plain", std::nullopt, third);
    append(outbox, "gone", std::nullopt, "fourth");
    const auto settled = outbox.settle(
        {{.seq = 1,
          .state = EntryState::delivered,
          .duplicate_of = {},
          .reason = {},
          .sqlstate = {},
          .constraint = {},
          .error = {}},
         {.seq = 2,
          .state = EntryState::dead,
          .duplicate_of = {},
          .reason = "data_error",
          .sqlstate = "23514",
          .constraint = "inbox_check",
          .error = "new row violates check"}},
        {{2, {time_at("2026-11-23T22:29:59.000Z"), "23514", "data", "new row violates check"}}});
    if (!settled) throw std::runtime_error(settled.error().message);
  }
  void append(Outbox& outbox, const std::string& source, std::optional<std::string> key,
              std::string body) {
    NewEntry entry;
    entry.source = source;
    entry.dedupe_key = std::move(key);
    entry.received_at = time_at("2026-11-23T22:29:22.123Z") +
                        std::chrono::seconds(1) * static_cast<int>(ids_.size());
    entry.method = "POST";
    entry.target = "/ingest/" + source;
    entry.remote_address = "127.0.0.1";
    entry.content_type = "application/json";
    entry.headers = {{"Host", "h"}, {"X-A", "b"}};
    entry.body = std::move(body);
    const auto appended = outbox.append(std::move(entry), std::chrono::seconds(10));
    if (!appended) throw std::runtime_error(appended.error().message);
    ids_.push_back(appended->id.to_string());
  }

  support::ScratchFolder folder_;
  std::vector<std::string> ids_;
};

}  // namespace holdfast::cli::test
