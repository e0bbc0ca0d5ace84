#pragma once

#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "options.hpp"

/// What writing into Postgres by hand needs, whatever is written: values of its binary format,
/// which is the faster, and a session.
namespace holdfast::bench {

template <class T>
std::string network(T value) {
  std::string bytes;
  for (std::size_t i = sizeof(T); i > 0; --i)
    bytes += static_cast<char>(value >> (8 * (i - 1)) & 0xff);
  return bytes;
}

/// A UUIDv7 as the outbox makes them: growing.
inline std::string uuid_of(std::uint64_t number) {
  return network(0x0190'0000'0000'7000ULL) + network(0x8000'0000'0000'0000ULL | number);
}

/// The version of jsonb's binary format stands before its text.
inline std::string jsonb(std::string_view text) {
  return "\1" + std::string(text);
}

inline void add_field(std::string& bytes, std::string_view field) {
  bytes += network(static_cast<std::uint32_t>(field.size()));
  bytes += field;
}

/// A column an array, for `unnest`.
class Arrays {
 public:
  explicit Arrays(std::vector<std::uint32_t> types)
      : types_(std::move(types)), fields_(types_.size()), counts_(types_.size()) {}

  void begin() {
    for (auto& field : fields_) field.clear();
    std::ranges::fill(counts_, 0);
  }
  void add(std::size_t column, std::string_view value) {
    add_field(fields_[column], value);
    ++counts_[column];
  }
  void add_null(std::size_t column) {
    fields_[column] += network(~std::uint32_t{0});
    ++counts_[column];
  }
  /// Each has one dimension, may hold nulls, says its type and how many, and counts from 1.
  [[nodiscard]] std::vector<std::string> values() const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < types_.size(); ++i)
      all.push_back(network(std::uint32_t{1}) + network(std::uint32_t{1}) + network(types_[i]) +
                    network(counts_[i]) + network(std::uint32_t{1}) + fields_[i]);
    return all;
  }

 private:
  std::vector<std::uint32_t> types_;
  std::vector<std::string> fields_;
  std::vector<std::uint32_t> counts_;
};

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

  void insert(const std::string& sql, std::span<const std::string> parameters) {
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const auto& parameter : parameters) {
      values.push_back(parameter.data());
      lengths.push_back(static_cast<int>(parameter.size()));
    }
    const std::vector<int> formats(parameters.size(), 1);
    const Result result(
        PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(parameters.size()), nullptr,
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

}  // namespace holdfast::bench
