#include "inbox_by_hand.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <format>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "by_hand.hpp"
#include "latency.hpp"
#include "sample.hpp"

namespace holdfast::bench {
namespace {

struct Column {
  const char* name;
  const char* type;
  std::uint32_t oid;
};

constexpr std::array columns{
    Column{"id", "uuid", 2950},           Column{"source", "text", 25},
    Column{"dedupe_key", "text", 25},     Column{"node", "uuid", 2950},
    Column{"seq", "bigint", 20},          Column{"received_at", "timestamptz", 1184},
    Column{"method", "text", 25},         Column{"target", "text", 25},
    Column{"remote_address", "text", 25}, Column{"content_type", "text", 25},
    Column{"headers", "jsonb", 3802},     Column{"body", "bytea", 17},
    Column{"payload", "jsonb", 3802},
};
using Row = std::array<std::string, columns.size()>;

Row make_row(std::uint64_t number, const std::string& body) {
  constexpr std::uint64_t some_day = 800'000'000'000'000;  // Microseconds since 2000.
  return {uuid_of(number),
          "bench",
          sample_key(number),
          uuid_of(0),
          network(number),
          network(some_day + number),
          "POST",
          std::string(sample_target),
          "127.0.0.1",
          std::string(sample_type),
          jsonb(R"([["Host","127.0.0.1"],["Content-Type","application/json"]])"),
          body,
          jsonb(body)};
}

std::string names() {
  std::string list;
  for (const auto& column : columns)
    list += std::format("{}{}", list.empty() ? "" : ", ", column.name);
  return list;
}

}  // namespace

std::string inbox_insert() {
  std::string parameters;
  for (std::size_t i = 0; i < columns.size(); ++i)
    parameters += std::format("{}${}::{}[]", i == 0 ? "" : ", ", i + 1, columns[i].type);
  return std::format(
      "INSERT INTO holdfast.inbox ({}) SELECT * FROM unnest({}) ON CONFLICT DO NOTHING", names(),
      parameters);
}

std::vector<std::uint32_t> inbox_types() {
  std::vector<std::uint32_t> types;
  for (const auto& column : columns) types.push_back(column.oid);
  return types;
}

void add_to_inbox(Arrays& arrays, std::uint64_t number, const std::string& body) {
  const auto row = make_row(number, body);
  for (std::size_t i = 0; i < row.size(); ++i) arrays.add(i, row[i]);
}

int drain_by_copy(Options& options) {
  const Work work(options);
  Session session(work.url);
  session.run(
      "CREATE TEMP TABLE staging (LIKE holdfast.inbox INCLUDING DEFAULTS) ON COMMIT DELETE ROWS");
  const auto copy = std::format("COPY staging ({}) FROM STDIN (FORMAT binary)", names());
  std::string bytes;
  return in_batches(work, [&](std::size_t first, std::size_t last) {
    bytes.assign("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    for (auto number = first; number <= last; ++number) {
      bytes += network(static_cast<std::uint16_t>(columns.size()));
      for (const auto& field : make_row(number, sample_body(number, work.body_bytes)))
        add_field(bytes, field);
    }
    bytes += "\377\377";
    session.run("BEGIN");
    session.copy(copy, bytes);
    session.run("INSERT INTO holdfast.inbox SELECT * FROM staging ON CONFLICT DO NOTHING");
    session.run("COMMIT");
  });
}

int drain_by_unnest(Options& options) {
  const Work work(options);
  Session session(work.url);
  const auto insert = inbox_insert();
  Arrays arrays(inbox_types());
  return in_batches(work, [&](std::size_t first, std::size_t last) {
    arrays.begin();
    for (auto number = first; number <= last; ++number)
      add_to_inbox(arrays, number, sample_body(number, work.body_bytes));
    session.run("BEGIN");
    session.insert(insert, arrays.values());
    session.run("COMMIT");
  });
}

int insert_directly(Options& options) {
  const auto url = options.text("url", "");
  const auto connections = options.count("connections", 16);
  const auto warmup = options.number("warmup", 0);
  const auto seconds = options.number("seconds", 5);
  options.end();
  std::string values;
  for (std::size_t i = 0; i < columns.size(); ++i)
    values += std::format("{}${}::{}", i == 0 ? "" : ", ", i + 1, columns[i].type);
  const auto insert = std::format(
      "INSERT INTO holdfast.inbox ({}) VALUES ({}) ON CONFLICT DO NOTHING", names(), values);
  using Clock = std::chrono::steady_clock;
  const auto from =
      Clock::now() + std::chrono::nanoseconds(static_cast<std::int64_t>(warmup * 1e9));
  const auto until = from + std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  std::vector<std::future<Latencies>> senders;
  for (std::size_t sender = 0; sender < connections; ++sender)
    senders.push_back(std::async(std::launch::async, [=, &url, &insert] {
      Session session(url);
      Latencies latencies;
      for (std::uint64_t number = sender << 40; Clock::now() < until; ++number) {
        const auto begin = Clock::now();
        session.insert(insert, make_row(number, sample_body(number, 700)));
        if (begin >= from) latencies.add((Clock::now() - begin).count());
      }
      return latencies;
    }));
  Latencies all;
  for (auto& sender : senders) all.add(sender.get());
  std::printf("{\"inserted\":%zu,\"per_second\":%.1f,%s}\n", all.size(),
              static_cast<double>(all.size()) / seconds, all.json().c_str());
  return 0;
}

}  // namespace holdfast::bench
