#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "support/http.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

TEST_CASE("e2e: with Postgres away the outbox says when it will be full, in status, metric and log",
          "[e2e][metrics][slow]") {
  // Nobody listens there.
  auto config = e2e::config_for("postgresql://postgres@127.0.0.1:1/postgres");
  config.outbox = "max_size = \"64MiB\"\ndisk_reserve = \"1MiB\"\n";
  Daemon daemon(config);
  daemon.start();
  const auto forecast = [&] {
    return nlohmann::json::parse(get(daemon.admin_port(), "/api/v1/status").body).at("forecast");
  };
  CHECK(forecast().at("full_in_seconds").is_null());
  CHECK(get(daemon.admin_port(), "/metrics")
            .body.contains("\nholdfast_outbox_time_to_full_seconds +Inf\n"));
  // A write each 20 ms or so fills it in a few minutes; a minute of that is enough to tell.
  int number = 0;
  const bool said = eventually(
      [&] {
        CHECK(e2e::post_one(daemon, e2e::write_number(number++, false, 5000)).last_status == 202);
        return daemon.log_text().contains(" error outbox_filling: The outbox will be full in ");
      },
      120s);
  INFO(daemon.log_text());
  REQUIRE(said);
  CHECK(daemon.log_text().contains(" limited_by=max_size "));
  const auto now = forecast();
  CHECK(now.at("full_in_seconds").get<double>() > 0);
  CHECK(now.at("full_in_seconds").get<double>() < 3600);
  CHECK(now.at("full_at").is_string());
  CHECK(now.at("growth_bytes_per_second").get<double>() > 10'000);
  CHECK_FALSE(get(daemon.admin_port(), "/metrics")
                  .body.contains("\nholdfast_outbox_time_to_full_seconds +Inf\n"));
  CHECK(daemon.terminate() == 0);
}
