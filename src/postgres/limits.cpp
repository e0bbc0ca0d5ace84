#include "postgres/limits.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <utility>

#include "base/encoding.hpp"

namespace holdfast::postgres {

using namespace std::chrono_literals;

namespace {

// READ COMMITTED, whatever the default of the role: ON CONFLICT must see what others commit.
constexpr std::string_view begin = "BEGIN ISOLATION LEVEL READ COMMITTED";

using Setting = std::pair<std::string_view, std::string>;

std::array<Setting, 5> settings_of(std::chrono::milliseconds left) {
  const auto statement = std::max<std::chrono::milliseconds>(1ms, left * 9 / 10);
  const auto lock = std::clamp<std::chrono::milliseconds>(left / 2, 1ms, 5s);
  const auto idle = std::max<std::chrono::milliseconds>(1ms, left);
  // array_nulls of a role may be off, and NULL inside of an array would be a text.
  return {Setting{"synchronous_commit", "on"}, Setting{"array_nulls", "on"},
          Setting{"statement_timeout", std::to_string(statement.count())},
          Setting{"lock_timeout", std::to_string(lock.count())},
          Setting{"idle_in_transaction_session_timeout", std::to_string(idle.count())}};
}

}  // namespace

std::vector<std::string> begin_statements(std::chrono::milliseconds left) {
  std::vector<std::string> statements{std::string(begin)};
  for (const auto& [name, value] : settings_of(left))
    statements.push_back(std::format("SET LOCAL {} = {}", name, value));
  return statements;
}

std::string begin_statement(std::chrono::milliseconds left) {
  std::string all;
  for (const auto& statement : begin_statements(left)) all += (all.empty() ? "" : "; ") + statement;
  return all;
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
