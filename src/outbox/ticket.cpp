#include "outbox/ticket.hpp"

#include <algorithm>
#include <format>
#include <string_view>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "outbox/header_codec.hpp"

namespace holdfast {
namespace outbox {
namespace {

/// Row, index entries and b-tree slack of one entry, rounded up from measurements.
constexpr std::uint64_t overhead_bytes = 768;
/// A payload beyond about a page goes to overflow pages, of which the last is part empty.
constexpr std::uint64_t page_bytes = 4096;

std::int64_t leading_bits(const std::array<std::uint8_t, 32>& digest) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = (bits << 8U) | digest[i];
  return static_cast<std::int64_t>(bits);
}

/// NUL separates: neither a name of a source nor a key holds one.
std::string key_text(std::string_view source, std::string_view key) {
  std::string text;
  text.reserve(source.size() + key.size() + 34);
  text += source;
  text += '\0';
  text += key;
  return text;
}

std::uint64_t estimate(const NewEntry& entry, std::uint64_t header_bytes) {
  const std::uint64_t payload = entry.method.size() + entry.target.size() +
                                entry.remote_address.size() + entry.content_type.size() +
                                header_bytes + entry.body.size();
  const std::uint64_t key_bytes = entry.dedupe_key ? entry.dedupe_key->size() : 0;
  return overhead_bytes + key_bytes + payload + (payload > page_bytes / 2 ? page_bytes : 0);
}

}  // namespace

std::int64_t first_copy_hash(std::string_view source, std::string_view key) {
  return leading_bits(base::sha256(key_text(source, key)));
}

std::int64_t conflict_hash(std::string_view source, std::string_view key,
                           const std::array<std::uint8_t, 32>& compared_by) {
  std::string text = key_text(source, key);
  text += '\0';
  text.append(reinterpret_cast<const char*>(compared_by.data()), compared_by.size());
  return leading_bits(base::sha256(text));
}

std::int64_t order_hash(std::string_view source, std::string_view order_key) {
  return leading_bits(base::sha256(key_text(source, order_key)));
}

}  // namespace outbox

std::uint32_t shard_of(const OrderGroup& group, std::uint32_t shards) {
  const auto hash =
      group.order_hash ? *group.order_hash : outbox::leading_bits(base::sha256(group.source));
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(hash) % shards);
}

namespace {

constexpr std::chrono::milliseconds wait_max = std::chrono::hours(24);

}  // namespace

AppendTicket::Shared::Shared(NewEntry new_entry)
    : entry(std::move(new_entry)),
      encoded_headers(outbox::encode_headers(entry.headers)),
      body_sha256(base::sha256(entry.body)),
      stored_bytes(outbox::estimate(entry, encoded_headers.size())) {
  entry.headers = {};
  if (entry.dedupe_key) key_hash = outbox::first_copy_hash(entry.source, *entry.dedupe_key);
  order_hash = entry.order_hash;
  if (entry.order_key) order_hash = outbox::order_hash(entry.source, *entry.order_key);
}

AppendTicket::AppendTicket() = default;
AppendTicket::AppendTicket(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
AppendTicket::AppendTicket(AppendTicket&&) noexcept = default;
AppendTicket& AppendTicket::operator=(AppendTicket&&) noexcept = default;
AppendTicket::~AppendTicket() = default;

std::expected<Appended, Failure> AppendTicket::wait(std::chrono::milliseconds timeout) {
  HOLDFAST_CHECK(shared_ != nullptr, "waiting on an empty ticket");
  // Beyond a day it is no time-out any more, and adding it to the clock could overflow.
  auto answer = shared_->answer.wait_for(std::min(timeout, wait_max));
  if (answer) return *std::move(answer);
  return std::unexpected(Failure{
      FailureKind::overloaded,
      std::format("storing the entry: not on disk within {} ms, it may still come; look at the "
                  "disk, or raise append_timeout",
                  timeout.count())});
}

}  // namespace holdfast
