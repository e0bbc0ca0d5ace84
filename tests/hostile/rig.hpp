#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../e2e/fixture.hpp"
#include "holdfast/clock.hpp"
#include "support/daemon.hpp"
#include "support/raw_client.hpp"

namespace holdfast::hostile {

using support::Answer;
using support::Daemon;
using support::DaemonConfig;
using support::RawClient;

/// A POST to a source without verification, with Host and Content-Length.
[[nodiscard]] std::string post(std::string_view body, std::string_view header_lines = "",
                               std::string_view target = "/ingest/plain");
/// The head of a POST whose framing the test writes.
[[nodiscard]] std::string head(std::string_view header_lines,
                               std::string_view target = "/ingest/plain");
/// The id of a 2xx; empty for every other answer.
[[nodiscard]] std::string id_of(const Answer& answer);

/// The real daemon without a destination: everything that it accepts stays in its outbox, where
/// finish() counts it.
class Target {
 public:
  explicit Target(const std::string& ingress_lines = "", const std::string& more_sources = "");

  [[nodiscard]] Daemon& daemon() { return daemon_; }
  [[nodiscard]] std::uint16_t port() const { return daemon_.port(); }
  [[nodiscard]] int pid() const { return pid_; }
  /// Remembers what was answered 2xx; hands the answer on.
  Answer note(const Answer& answer);
  void note(const std::vector<std::string>& ids);
  /// One request on a connection of its own; its answer is remembered.
  Answer exchange(std::string_view bytes);
  [[nodiscard]] std::size_t noted() const { return ids_.size(); }

  enum class Answers { all_read, some_lost };
  /// The end of every test: still the same process and ready, a healthy sender is served, SIGTERM
  /// ends it with 0, and the outbox holds each id that was answered once. If all answers were read,
  /// it holds nothing else.
  void finish(Answers answers = Answers::all_read);

 private:
  Daemon daemon_;
  int pid_ = 0;
  std::vector<std::string> ids_;
};

/// Ids of all entries in the outbox of a daemon that has ended, in their order, read by SQLite.
[[nodiscard]] std::vector<std::string> stored_ids(const Daemon& daemon);

/// What a process holds.
struct Usage {
  int descriptors = 0;
  int threads = 0;
  std::int64_t resident_kib = 0;
  std::int64_t peak_kib = 0;  ///< Since forget_peak.
};
[[nodiscard]] Usage usage_of(int pid);
void forget_peak(int pid);
/// Seconds of processor time that it has used.
[[nodiscard]] double processor_seconds(int pid);
/// Memory figures mean something only without a sanitizer.
[[nodiscard]] bool memory_counts();

/// Raises the limit of open files of this process, and of daemons that it starts, or fails the
/// test.
void need_descriptors(std::uint64_t count);

/// Many connections in one thread. Each is bound to an address in 127.9.0.0/16.
///
/// Threads:  one at a time.
class Crowd {
 public:
  explicit Crowd(std::uint16_t port);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// Opens `count` more, from `addresses` addresses in turn; each sends `bytes` at once.
  void open(int count, int addresses, std::string_view bytes = "");
  /// To each that is open, as much as its socket takes at once.
  void send(std::string_view bytes);
  /// Each sends these bytes over and over, as much as its socket takes, at most `bytes_max` in all,
  /// and reads nothing. Returns the bytes sent by all of them since they were opened.
  std::size_t pour(std::string_view cycle, std::size_t bytes_max);
  /// Takes what comes, until all are closed; false if some are not by then.
  [[nodiscard]] bool all_closed_within(std::chrono::milliseconds limit);
  /// Takes what comes, until so many are open or fewer.
  [[nodiscard]] bool open_at_most(std::size_t count, std::chrono::milliseconds limit);
  /// Takes what comes, until all have an answer.
  [[nodiscard]] bool all_answered_within(std::chrono::milliseconds limit);
  [[nodiscard]] std::size_t open_count() const { return open_count_; }
  /// First answers by status; 0: none.
  [[nodiscard]] std::map<int, int> statuses() const;
  /// Of all answers, in order of the connections.
  [[nodiscard]] std::vector<std::string> ids() const;
  /// Closes all that are open.
  void close();

 private:
  struct Member {
    int socket = -1;  ///< -1: closed.
    std::string received;
    std::size_t poured = 0;
  };
  template <class Done>
  bool look_until(Done done, std::chrono::milliseconds limit);
  void read(std::size_t index);
  void end(Member& member);

  // Constant after construction.
  const std::uint16_t port_;
  const int epoll_;

  std::vector<Member> members_;
  std::size_t open_count_ = 0;
};

/// Sends one write after the other and expects each to be accepted.
struct Healthy {
  std::vector<std::string> ids;
  std::vector<int> refusals;  ///< Statuses that were not 2xx; 0: no answer.
  std::chrono::milliseconds slowest{0};
};
/// `fresh`: each on a connection of its own, else all on one.
[[nodiscard]] Healthy post_healthily(std::uint16_t port, int count, bool fresh);

/// The same in the background, until told to stop.
class HealthySender {
 public:
  explicit HealthySender(std::uint16_t port);
  [[nodiscard]] Healthy stop();

 private:
  Healthy seen_;  ///< Owned by the thread until it is joined.
  std::jthread thread_;
};

/// What a healthy sender may wait at most while others misbehave. Far above what is measured (tens
/// of milliseconds), far below what it waited when a slow sender held a thread (10 s).
inline constexpr std::chrono::milliseconds patience_max{5000};

/// All were accepted, none too late.
void check_healthy(const Healthy& healthy);

}  // namespace holdfast::hostile
