#include "ingress/workers.hpp"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <latch>
#include <mutex>
#include <set>

using namespace holdfast::ingress;

TEST_CASE("workers: what is offered is done, also what waits when they end", "[ingress][workers]") {
  std::atomic<int> done = 0;
  Workers workers(2);
  for (int i = 0; i < 100; ++i) {
    Workers::Job job = [&] { ++done; };
    REQUIRE(workers.offer(job));
  }
  workers.join();
  CHECK(done == 100);
  Workers::Job late = [&] { ++done; };
  CHECK_FALSE(workers.offer(late));
  late();
  CHECK(done == 101);
}

TEST_CASE("workers: as many jobs at once as there may be threads, and no more",
          "[ingress][workers]") {
  constexpr int threads = 3;
  Workers workers(threads);
  std::latch together(threads);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  for (int i = 0; i < 3 * threads; ++i) {
    Workers::Job job = [&, i] {
      most = std::max(most.load(), ++at_once);
      if (i < threads) together.arrive_and_wait();
      {
        const std::scoped_lock lock(mutex);
        ids.insert(std::this_thread::get_id());
      }
      --at_once;
    };
    REQUIRE(workers.offer(job));
  }
  workers.join();
  CHECK(most == threads);
  CHECK(ids.size() == threads);
}
