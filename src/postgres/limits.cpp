#include "postgres/limits.hpp"

#include <algorithm>
#include <format>

#include "base/encoding.hpp"

namespace holdfast::postgres {

using namespace std::chrono_literals;

std::string begin_statement(std::chrono::milliseconds left) {
  const auto statement = std::max<std::chrono::milliseconds>(1ms, left * 9 / 10);
  const auto lock = std::clamp<std::chrono::milliseconds>(left / 2, 1ms, 5s);
  const auto idle = std::max<std::chrono::milliseconds>(1ms, left);
  // READ COMMITTED, whatever the default of the role: ON CONFLICT must see what others commit.
  // array_nulls of a role may be off, and NULL inside of an array would be a text.
  return std::format(
      "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; "
      "SET LOCAL array_nulls = on; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; "
      "SET LOCAL idle_in_transaction_session_timeout = {}",
      statement.count(), lock.count(), idle.count());
}

bool is_identifier(std::string_view name) {
  return !name.empty() && name.size() <= identifier_bytes_max && !name.contains('\0') &&
         base::is_utf8(name);
}

std::string quote_identifier(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

}  // namespace holdfast::postgres
