#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <format>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outbox/files.hpp"
#include "outbox/key_index.hpp"
#include "outbox/key_run.hpp"
#include "outbox/schema.hpp"
#include "outbox/sqlite.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::outbox_tests {

using outbox::Connection;
using outbox::KeyIndex;
using Seqs = std::vector<std::int64_t>;

/// Spread over all of the index, as hashes of keys are.
inline std::int64_t hash_of(std::int64_t number) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15U);
}

/// A file with rows of `entry` that have a hash and nothing else of interest, and their index.
class Indexed {
 public:
  static constexpr std::size_t small_batch = 50;

  explicit Indexed(std::size_t batch = small_batch)
      : batch_(batch), connection_(made(folder_.file("outbox.db")), "") {
    outbox::migrate(connection_.database());
    restart();
  }
  void restart() {
    index_.reset();
    index_ = std::make_unique<KeyIndex>(connection_, batch_, gone_max);
  }
  KeyIndex& index() { return *index_; }
  void begin() { connection_.begin(); }
  std::int64_t add(std::int64_t hash) {
    insert(hash);
    index().add(hash, seq_);
    return seq_;
  }
  /// Only the row, as an older program left it.
  void insert(std::int64_t hash) {
    ++seq_;
    connection_.database().exec(std::format(
        "INSERT INTO entry (seq, id, source_id, state, received_at, body_bytes, payload_kept, "
        "key_hash, body_sha256) VALUES ({}, randomblob(16), 1, 0, 0, 0, 1, {}, zeroblob(32))",
        seq_, hash));
  }
  void remove(std::int64_t hash, std::int64_t seq) {
    connection_.database().exec(std::format("DELETE FROM entry WHERE seq = {}", seq));
    index().remove(hash, seq);
  }
  void commit() { commit_at(seq_ + 1); }
  void commit_at(std::int64_t next_seq) {
    index().merge();
    connection_.commit();
    index().committed(next_seq);
  }
  /// Commits without anything else, until there is nothing to merge; false: that took too long.
  bool settle_down() {
    for (int step = 0; step < 50'000; ++step) {
      if (!index().has_work()) return true;
      begin();
      index().merge_more();
      commit();
    }
    return false;
  }
  void roll_back(std::int64_t last_seq) {
    connection_.rollback();
    index().rolled_back();
    seq_ = last_seq;
  }
  std::int64_t number(const char* sql) { return outbox::query_number(connection_.database(), sql); }
  /// Keys in runs that count.
  std::int64_t indexed() {
    return number(
        "SELECT sum(length(key_block.keys)) / 16 FROM key_block JOIN key_run ON "
        "key_run.id = key_block.id >> 32");
  }
  std::int64_t waste() {
    return number("SELECT count(*) FROM key_block WHERE id >> 32 NOT IN (SELECT id FROM key_run)");
  }
  std::int64_t runs() { return number("SELECT count(*) FROM key_run"); }
  bool whole() { return outbox::all_keys_are_indexed(connection_.database()); }
  void run(const char* sql) { connection_.database().exec(sql); }
  /// Every run, with all that it has.
  std::vector<std::pair<outbox::KeyRun, outbox::KeyRows::Part>> contents() {
    std::vector<std::pair<outbox::KeyRun, outbox::KeyRows::Part>> contents;
    outbox::KeyRunReader reader(connection_.database());
    for (const auto& run : reader.load())
      reader.read(run, 0, 0, contents.emplace_back(run, outbox::KeyRows::Part()).second);
    return contents;
  }
  [[nodiscard]] std::int64_t last_seq() const { return seq_; }
  /// Entries without a key, or removed ones, that come between.
  void skip(std::int64_t seqs) { seq_ += seqs; }
  /// What is found of a hash and still there.
  Seqs find(std::int64_t hash) {
    Seqs seqs;
    SQLite::Statement entry(connection_.database(), "SELECT 1 FROM entry WHERE seq = ?");
    for (const auto seq : index().find(hash))
      if (outbox::Use(entry, seq).step()) seqs.push_back(seq);
    return seqs;
  }
  static constexpr std::size_t gone_max = 20;

 private:
  static std::string made(std::string path) {
    outbox::make_private_file(path);
    return path;
  }
  const std::size_t batch_;
  support::ScratchFolder folder_;
  Connection connection_;
  std::unique_ptr<KeyIndex> index_;
  std::int64_t seq_ = 0;
};

}  // namespace holdfast::outbox_tests
