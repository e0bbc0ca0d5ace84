#include "inbox_by_hand.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <format>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

template <class T>
std::string network(T value) {
  std::string bytes;
  for (std::size_t i = sizeof(T); i > 0; --i)
    bytes += static_cast<char>(value >> (8 * (i - 1)) & 0xff);
  return bytes;
}

/// A UUIDv7 as the outbox makes them: growing.
std::string uuid_of(std::uint64_t number) {
  return network(0x0190'0000'0000'7000ULL) + network(0x8000'0000'0000'0000ULL | number);
}

Row make_row(std::uint64_t number, std::size_t body_bytes) {
  constexpr std::uint64_t some_day = 800'000'000'000'000;  // Microseconds since 2000.
  // The version of jsonb's binary format stands before its text.
  const auto body = sample_body(number, body_bytes);
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
          "\1[[\"Host\",\"127.0.0.1\"],[\"Content-Type\",\"application/json\"]]",
          body,
          "\1" + body};
}

void add_field(std::string& bytes, std::string_view field) {
  bytes += network(static_cast<std::uint32_t>(field.size()));
  bytes += field;
}

std::string names() {
  std::string list;
  for (const auto& column : columns)
    list += std::format("{}{}", list.empty() ? "" : ", ", column.name);
  return list;
}

class Session {
 public:
  explicit Session(const std::string& url) : connection_(PQconnectdb(url.c_str()), PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) fail("connecting");
    run("SET synchronous_commit = on");
  }

  void run(const std::string& sql, ExecStatusType wanted = PGRES_COMMAND_OK) {
    const Result result(PQexec(connection_.get(), sql.c_str()), PQclear);
    if (PQresultStatus(result.get()) != wanted) fail(sql);
  }

  void copy(const std::string& sql, const std::string& bytes) {
    run(sql, PGRES_COPY_IN);
    if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) != 1 ||
        PQputCopyEnd(connection_.get(), nullptr) != 1)
      fail(sql);
    while (const Result result{PQgetResult(connection_.get()), PQclear})
      if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(sql);
  }

  void insert(const std::string& sql, const std::array<std::string, columns.size()>& arrays) {
    std::array<const char*, columns.size()> values{};
    std::array<int, columns.size()> lengths{};
    std::array<int, columns.size()> formats{};
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      values[i] = arrays[i].data();
      lengths[i] = static_cast<int>(arrays[i].size());
      formats[i] = 1;
    }
    const Result result(
        PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(arrays.size()), nullptr,
                     values.data(), lengths.data(), formats.data(), 1),
        PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(sql);
  }

 private:
  using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;
  [[noreturn]] void fail(const std::string& doing) const {
    throw std::runtime_error(doing + ": " + PQerrorMessage(connection_.get()));
  }
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

struct Work {
  explicit Work(Options& options)
      : url(options.text("url", "")),
        entries(options.count("entries", 200'000)),
        batch(options.count("batch", 1000)),
        body_bytes(options.count("body", 700)) {
    options.end();
  }
  std::string url;
  std::size_t entries;
  std::size_t batch;
  std::size_t body_bytes;
};

/// Calls `deliver(first, last)` for each batch and prints how fast that was.
template <class Deliver>
int in_batches(const Work& work, Deliver&& deliver) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t first = 1; first <= work.entries; first += work.batch)
    deliver(first, std::min(first + work.batch - 1, work.entries));
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - begin;
  std::printf("{\"entries\":%zu,\"per_second\":%.1f}\n", work.entries,
              static_cast<double>(work.entries) / all.count());
  return 0;
}

}  // namespace

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
      for (const auto& field : make_row(number, work.body_bytes)) add_field(bytes, field);
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
  std::string parameters;
  for (std::size_t i = 0; i < columns.size(); ++i)
    parameters += std::format("{}${}::{}[]", i == 0 ? "" : ", ", i + 1, columns[i].type);
  const auto insert =
      std::format("INSERT INTO holdfast.inbox ({}) SELECT * FROM unnest({}) ON CONFLICT DO NOTHING",
                  names(), parameters);
  std::array<std::string, columns.size()> arrays;
  return in_batches(work, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = 0; i < columns.size(); ++i)
      // One dimension, no nulls, the type, how many, and that they count from 1.
      arrays[i] = network(std::uint32_t{1}) + network(std::uint32_t{0}) + network(columns[i].oid) +
                  network(static_cast<std::uint32_t>(last - first + 1)) + network(std::uint32_t{1});
    for (auto number = first; number <= last; ++number) {
      const auto row = make_row(number, work.body_bytes);
      for (std::size_t i = 0; i < columns.size(); ++i) add_field(arrays[i], row[i]);
    }
    session.run("BEGIN");
    session.insert(insert, arrays);
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
        session.insert(insert, make_row(number, 700));
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
