#include "fixture.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <random>

#include "support/delivery.hpp"

namespace holdfast::e2e {

support::WriteOutcome write_number(int number, bool keyed, std::size_t padding) {
  support::WriteOutcome write;
  write.keyed = keyed;
  write.request.target = keyed ? "/ingest/keyed" : "/ingest/plain";
  write.request.headers = {{"Content-Type", "application/json"}};
  if (keyed) write.request.headers.emplace_back("X-Key", std::format("key-{}", number));
  write.request.body =
      std::format(R"({{"number":{},"text":"{}"}})", number, std::string(padding, 'x'));
  return write;
}

support::WriteOutcome post_one(const support::Daemon& daemon, support::WriteOutcome write) {
  const auto response = support::fetch(daemon.port(), write.request);
  write.last_status = response.status;
  if (response.accepted()) {
    write.ids.push_back(response.header("Holdfast-Id"));
  } else {
    ++write.refused;
  }
  return write;
}

support::WriteOutcome deliver_the_first(support::Daemon& daemon,
                                        support::PostgresCluster& cluster) {
  support::WriteOutcome first = post_one(daemon, write_number(-1, true));
  REQUIRE(daemon.drains(std::chrono::seconds(30)));
  support::record_arrival_order(cluster);
  return first;
}

unsigned announced_seed() {
  const char* chosen = std::getenv("HOLDFAST_TEST_SEED");
  const unsigned seed = chosen != nullptr ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 10))
                                          : std::random_device{}();
  std::fprintf(stderr, "HOLDFAST_TEST_SEED=%u\n", seed);
  return seed;
}

}  // namespace holdfast::e2e
