#pragma once

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <format>
#include <functional>
#include <latch>
#include <pqxx/except>
#include <pqxx/params>
#include <pqxx/result>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/guarded.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/postgres.hpp"
#include "support/postgres_cluster.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

namespace holdfast {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using std::chrono::milliseconds;
using support::eventually;
using support::PostgresCluster;
using support::TcpGate;

/// The waits of a pool, which take no time; each may do something meanwhile.
class Waits {
 public:
  [[nodiscard]] std::function<void(milliseconds)> seam() {
    return [this](milliseconds delay) {
      made_.with([&](auto& all) { all.push_back(delay); });
      if (meanwhile) meanwhile();
    };
  }
  [[nodiscard]] std::vector<milliseconds> made() const { return made_.copy(); }

  std::function<void()> meanwhile;

 private:
  base::Guarded<std::vector<milliseconds>> made_;
};

/// A policy whose delays are exact.
inline RetryPolicy exact(std::uint32_t retries = 3, milliseconds base = 1s) {
  RetryOptions options;
  options.retries = retries;
  options.delay_base = base;
  options.jitter = 0;
  return RetryPolicy(std::move(options));
}

inline PoolOptions options_for(const std::string& url, std::size_t size = 4) {
  PoolOptions options;
  options.url = Secret(url);
  options.size = size;
  options.connect_timeout = 10s;
  return options;
}

/// The message of what `function` throws, which must be an Error of this kind.
template <class F>
std::string error_of(FailureKind kind, F&& function) {
  try {
    function();
  } catch (const Error& error) {
    CHECK(to_string(error.failure().kind) == to_string(kind));
    return error.what();
  }
  FAIL("nothing was thrown");
  return {};
}

/// A server with a table, a gate before it, and pools whose waits take no time.
struct Fixture {
  Fixture() { cluster.query("CREATE TABLE rows (id int PRIMARY KEY, note text)"); }

  PostgresCluster cluster;
  TcpGate gate{cluster.port()};
  Waits waits;

  [[nodiscard]] PoolOptions options(const std::string& url) {
    auto made = options_for(url);
    made.wait = waits.seam();
    return made;
  }
  [[nodiscard]] std::string rows() const {
    return cluster.query("SELECT count(*) FROM rows")[0][0];
  }
  /// Ends a session from outside; on return its socket is closed.
  void terminate(int pid) const {
    cluster.query(std::format("SELECT pg_terminate_backend({}, 10000)", pid));
  }
  /// The end of every fault test: faults off, the next call succeeds at once.
  void check_heals(Pool& pool) {
    gate.heal();
    const auto before = waits.made().size();
    CHECK(with_db(pool, [](pqxx::work& work) { return work.query_value<int>("SELECT 7"); }) == 7);
    CHECK(waits.made().size() == before);
    CHECK(pool.stats().in_use == 0);
  }
};

/// A call that holds its connection until it is let go.
class Held {
 public:
  explicit Held(Pool& pool)
      : thread_([this, &pool] {
          with_db(pool, [this](pqxx::work&) {
            inside_.count_down();
            let_go_.wait();
          });
        }) {
    inside_.wait();
  }
  ~Held() { let_go(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  void let_go() {
    if (!std::exchange(gone_, true)) let_go_.count_down();
  }

 private:
  std::latch inside_{1};
  std::latch let_go_{1};
  bool gone_ = false;
  std::jthread thread_;
};

inline void insert(pqxx::transaction_base& work, int id) {
  work.exec("INSERT INTO rows VALUES ($1)", pqxx::params{id}).no_rows();
}

}  // namespace holdfast
