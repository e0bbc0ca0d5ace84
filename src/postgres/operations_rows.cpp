#include "postgres/operations_rows.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace holdfast::postgres {
namespace {

auto key_of(const UserRow& row) {
  return std::tie(row.provider, row.external_id);
}
auto key_of(const MessageRow& row) {
  return std::tie(row.provider, row.message_id);
}
auto key_of(const StatusRow& row) {
  return std::tie(row.provider, row.message_id, row.recipient, row.status);
}

template <class Row>
void keep_first(std::vector<Row>& rows) {
  const auto before = [](const Row& a, const Row& b) { return key_of(a) < key_of(b); };
  const auto same = [](const Row& a, const Row& b) { return key_of(a) == key_of(b); };
  std::ranges::stable_sort(rows, before);
  const auto repeated = std::ranges::unique(rows, same);
  rows.erase(repeated.begin(), repeated.end());
}

std::vector<UserRow> merge_users(std::vector<UserRow> sightings) {
  std::ranges::sort(sightings, [](const UserRow& a, const UserRow& b) {
    return std::tie(a.provider, a.external_id, a.last_seen_at, a.display_name, a.phone_number) <
           std::tie(b.provider, b.external_id, b.last_seen_at, b.display_name, b.phone_number);
  });
  std::vector<UserRow> users;
  for (auto& seen : sightings) {
    if (users.empty() || key_of(users.back()) != key_of(seen)) {
      users.push_back(std::move(seen));
      continue;
    }
    auto& user = users.back();
    user.first_seen_at = std::min(user.first_seen_at, seen.first_seen_at);
    user.last_seen_at = std::max(user.last_seen_at, seen.last_seen_at);
    if (seen.display_name) user.display_name = std::move(seen.display_name);
    if (seen.phone_number) user.phone_number = std::move(seen.phone_number);
  }
  return users;
}

template <class Row>
void move_behind(std::vector<Row>& rows, std::vector<Row>& others) {
  rows.insert(rows.end(), std::make_move_iterator(others.begin()),
              std::make_move_iterator(others.end()));
}

}  // namespace

void OperationRows::append(OperationRows other) {
  move_behind(users, other.users);
  move_behind(messages, other.messages);
  move_behind(statuses, other.statuses);
}

OperationRows merged(OperationRows rows) {
  rows.users = merge_users(std::move(rows.users));
  keep_first(rows.messages);
  keep_first(rows.statuses);
  return rows;
}

std::optional<std::string> e164(std::string_view digits) {
  static constexpr std::size_t digits_max = 15;
  const bool number = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!number || digits.size() < 2 || digits.size() > digits_max || digits.front() == '0')
    return std::nullopt;
  return "+" + std::string(digits);
}

}  // namespace holdfast::postgres
