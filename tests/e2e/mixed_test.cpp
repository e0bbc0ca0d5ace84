#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "base/encoding.hpp"
#include "fixture.hpp"
#include "senders.hpp"
#include "support/delivery.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using e2e::Sending;

namespace {

constexpr int requests = 2'000;
constexpr std::size_t lanes = 4;
using Table = std::vector<std::vector<std::string>>;

/// What the requests of a plan must come to, worked out without the daemon. What is sent about one
/// number is sent in order, so that the first copy is the first in the plan.
class Reference {
 public:
  explicit Reference(const e2e::Senders& senders) : senders_(senders) {}

  /// The expected answer: 401, or the status of the provider.
  int add(const Sending& sending) {
    if (sending.forged) return 401;
    const auto key = senders_.key(sending);
    if (!key) {
      ++keyless_;
    } else {
      const auto [first, fresh] =
          first_of_key_.try_emplace({std::string(sending.sender), *key}, sending);
      if (!fresh && content(first->second) != content(sending))
        conflicts_.emplace(first->first.first, *key, content(sending));
    }
    return e2e::Senders::accepted_status(sending.sender);
  }

  [[nodiscard]] std::size_t conflicts() const { return conflicts_.size(); }
  [[nodiscard]] std::size_t keyless() const { return keyless_; }
  /// source, key and digest of the body, sorted; of Stripe's bodies any try may be the first.
  [[nodiscard]] Table inbox() const {
    std::set<std::vector<std::string>> rows;
    for (const auto& [key, sending] : first_of_key_)
      rows.insert({key.first, key.second, base::sha256_hex(e2e::Senders::body(sending))});
    return {rows.begin(), rows.end()};
  }
  /// One line for each first copy that `chosen` gives one for, sorted.
  template <class F>
  [[nodiscard]] Table rows_of(std::string_view sender, F&& chosen) const {
    std::set<std::vector<std::string>> rows;
    for (const auto& [key, sending] : first_of_key_)
      if (key.first == sender)
        if (auto row = chosen(sending); !row.empty()) rows.insert(std::move(row));
    return {rows.begin(), rows.end()};
  }

 private:
  /// The body without what a provider changes from try to try.
  static std::string content(Sending sending) {
    sending.attempt = 0;
    return e2e::Senders::body(sending);
  }

  const e2e::Senders& senders_;
  std::map<std::pair<std::string, std::string>, Sending> first_of_key_;
  std::set<std::tuple<std::string, std::string, std::string>> conflicts_;
  std::size_t keyless_ = 0;
};

/// First copies, repeats, other bodies of known keys, and forgeries of all of these.
std::vector<Sending> make_plan(std::mt19937& random) {
  std::map<std::string_view, int> numbers;
  std::map<std::pair<std::string_view, int>, int> attempts;
  const auto below = [&](int bound) {
    return std::uniform_int_distribution<>(0, bound - 1)(random);
  };
  std::vector<Sending> plan;
  while (plan.size() < requests) {
    Sending sending;
    sending.sender = e2e::all_senders[static_cast<std::size_t>(below(12))];
    int& known = numbers[sending.sender];
    const int dice = below(100);
    sending.number = known == 0 || dice < 60 ? known++ : below(known);
    sending.variant = dice >= 90 ? 1 + below(2) : 0;
    sending.forged = below(10) == 0 && sending.sender != "none";
    if (!sending.forged) sending.attempt = attempts[{sending.sender, sending.number}]++;
    plan.push_back(sending);
  }
  return plan;
}

struct Answer {
  Sending sending;
  int status = 0;
  std::string id;
};

/// Sends one lane of the plan in order; a request without an answer is a failure of its own.
std::vector<Answer> send_lane(const e2e::Senders& senders, const std::vector<Sending>& plan,
                              std::size_t lane, std::uint16_t port, std::atomic<int>& done) {
  std::vector<Answer> answers;
  HttpConnection connection(port);
  for (const Sending& sending : plan) {
    if (static_cast<std::size_t>(sending.number) % lanes != lane) continue;
    const auto response = connection.exchange(senders.request(sending));
    answers.push_back({sending, response ? response->status : 0,
                       response ? response->header("Holdfast-Id") : ""});
    ++done;
    pause_for(15ms);
  }
  return answers;
}

void flap(PostgresCluster& cluster, TcpGate& gate, const std::atomic<int>& done) {
  const auto reached = [&](int count) { return eventually([&] { return done >= count; }, 60s); };
  for (int round = 0; round < 8; ++round) {
    REQUIRE(reached((round + 1) * requests / 12));
    switch (round % 4) {
      case 0: gate.cut_inside_commit(TcpGate::CommitCut::after_forward); break;
      case 1: gate.cut_all(); break;
      case 2:
        cluster.stop();
        cluster.start();
        break;
      default: gate.cut_inside_commit(TcpGate::CommitCut::before_forward, 2); break;
    }
  }
}

Table sorted(Table table) {
  std::ranges::sort(table);
  return table;
}

void check_tables(const PostgresCluster& cluster, const Reference& reference) {
  CHECK(sorted(cluster.query("SELECT source, dedupe_key, encode(sha256(body), 'hex') "
                             "FROM holdfast.inbox WHERE dedupe_key IS NOT NULL")) ==
        reference.inbox());
  CHECK(cluster.query("SELECT count(*) FROM holdfast.inbox WHERE dedupe_key IS NULL").at(0).at(0) ==
        std::to_string(reference.keyless()));
  const auto event_row = [](const Sending& s) {
    return std::vector<std::string>{std::format("evt_{}", s.number), e2e::type_of(s.number),
                                    std::to_string(100 + s.number + s.variant)};
  };
  CHECK(sorted(cluster.query("SELECT event_id, kind, amount FROM payments")) ==
        reference.rows_of("stripe", event_row));
  CHECK(cluster.query("SELECT kind, n, amount FROM totals ORDER BY kind") ==
        cluster.query("SELECT kind, count(*), sum(amount) FROM payments GROUP BY kind ORDER BY 1"));
  CHECK(sorted(cluster.query("SELECT delivery, number FROM pushes")) ==
        reference.rows_of("github", [](const Sending& s) -> std::vector<std::string> {
          if (s.number % 2 != 0) return {};
          return {std::format("github-{}", s.number), std::to_string(s.number)};
        }));
  CHECK(sorted(cluster.query("SELECT activity, user_id, data->>'v' FROM activities")) ==
        reference.rows_of("activities", [](const Sending& s) -> std::vector<std::string> {
          return {std::to_string(s.number), e2e::user_of(s.number), std::to_string(s.variant)};
        }));
}

void check_operations(const PostgresCluster& cluster, const Reference& reference) {
  CHECK(sorted(cluster.query("SELECT message_id, user_external_id, text_body "
                             "FROM holdfast.messages WHERE provider = 'twilio'")) ==
        reference.rows_of("twilio", [](const Sending& s) -> std::vector<std::string> {
          if (s.number % 3 == 0) return {};
          return {std::format("SM{:032x}", s.number), "+" + e2e::user_of(s.number),
                  std::format("text {} & {}", s.number, s.variant)};
        }));
  CHECK(sorted(cluster.query("SELECT message_id, status FROM holdfast.message_statuses "
                             "WHERE provider = 'twilio'")) ==
        reference.rows_of("twilio", [](const Sending& s) -> std::vector<std::string> {
          if (s.number % 3 != 0) return {};
          return {std::format("SM{:032x}", s.number), "delivered"};
        }));
  // WhatsApp's key is the body: each variant is an entry, about one message.
  CHECK(sorted(cluster.query("SELECT message_id, user_external_id FROM holdfast.messages "
                             "WHERE provider = 'whatsapp'")) ==
        reference.rows_of("whatsapp", [](const Sending& s) -> std::vector<std::string> {
          if (s.number % 3 == 0) return {};
          return {std::format("wamid.{}", s.number), e2e::user_of(s.number)};
        }));
  CHECK(sorted(cluster.query("SELECT message_id, recipient, status FROM holdfast.message_statuses "
                             "WHERE provider = 'whatsapp'")) ==
        reference.rows_of("whatsapp", [](const Sending& s) -> std::vector<std::string> {
          if (s.number % 3 != 0) return {};
          return {std::format("wamid.{}", s.number), std::format("49{}", s.number),
                  s.variant % 2 == 0 ? "delivered" : "read"};
        }));
  CHECK(sorted(cluster.query("SELECT external_id, phone_number FROM holdfast.users "
                             "WHERE provider = 'whatsapp'")) ==
        reference.rows_of("whatsapp", [](const Sending& s) -> std::vector<std::string> {
          if (s.number % 3 == 0) return {};
          return {e2e::user_of(s.number), "+" + e2e::user_of(s.number)};
        }));
}

}  // namespace

TEST_CASE("e2e: two thousand requests of all providers end as a reference calculation says",
          "[e2e][providers][writes][slow]") {
  std::mt19937 random(e2e::announced_seed());
  PostgresCluster cluster;
  (void)cluster.query(e2e::tables_of_senders());
  TcpGate gate(cluster.port());
  const e2e::Senders senders;
  DaemonConfig config = e2e::config_for(gate.url());
  config.destination += "connections = 2\n";
  config.sources = senders.sources();
  Daemon daemon(config);
  daemon.start();

  const auto plan = make_plan(random);
  std::atomic<int> done{0};
  std::array<std::vector<Answer>, lanes> answers;
  {
    std::vector<std::jthread> threads;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      threads.emplace_back(
          [&, lane] { answers[lane] = send_lane(senders, plan, lane, daemon.port(), done); });
    flap(cluster, gate, done);
  }
  gate.heal();
  REQUIRE(daemon.drains(60s));

  Reference reference(senders);
  std::map<std::pair<std::string, std::string>, std::string> id_of_key;
  for (const auto& lane : answers) {
    for (const Answer& answer : lane) {
      const auto& sending = answer.sending;
      const int expected = reference.add(sending);
      if (answer.status != expected)
        FAIL_CHECK(sending.sender << " " << sending.number << ": status " << answer.status);
      const auto key = senders.key(sending);
      if (!key || sending.forged) continue;
      const auto& first_id =
          id_of_key.try_emplace({std::string(sending.sender), *key}, answer.id).first->second;
      if (answer.id != first_id)
        FAIL_CHECK(sending.sender << " " << sending.number << ": another id for the same key");
    }
  }
  CHECK(reference.conflicts() > 20);
  const auto outbox = daemon.health().at("outbox");
  CHECK(outbox.at("dead") == 0);
  const auto status = nlohmann::json::parse(get(daemon.admin_port(), "/api/v1/status").body);
  CHECK(status.at("outbox").at("discarded") == reference.conflicts());
  check_tables(cluster, reference);
  check_operations(cluster, reference);
}
