#include "postgres/operations_rows.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "operations_support.hpp"

namespace holdfast::postgres {
namespace {

WallTime second(int n) {
  return operations_received_at + std::chrono::seconds(n);
}

UserRow seen(const std::string& id, int at, std::optional<std::string> name = {},
             std::optional<std::string> number = {}) {
  return {"whatsapp", id, std::move(number), std::move(name), second(at), second(at)};
}

}  // namespace

TEST_CASE("operations: the sightings of a user become one row, in any order",
          "[operations][rows]") {
  std::vector<UserRow> sightings{seen("b", 5, "Bea"), seen("a", 3, "Ann 3", "+13"),
                                 seen("a", 1, "Ann 1", "+11"), seen("a", 3, "Ann 4"), seen("a", 9)};
  const auto before = [](const UserRow& x, const UserRow& y) {
    return std::tie(x.external_id, x.last_seen_at, x.display_name) <
           std::tie(y.external_id, y.last_seen_at, y.display_name);
  };
  std::ranges::sort(sightings, before);
  do {
    OperationRows rows;
    rows.users = sightings;
    const auto users = merged(std::move(rows)).users;
    REQUIRE(users.size() == 2);
    CHECK(users[0].external_id == "a");
    CHECK(users[0].display_name == "Ann 4");
    CHECK(users[0].phone_number == "+13");
    CHECK(users[0].first_seen_at == second(1));
    CHECK(users[0].last_seen_at == second(9));
    CHECK(users[1].display_name == "Bea");
  } while (std::ranges::next_permutation(sightings, before).found);
}

TEST_CASE("operations: of one message or status the first counts, and keys are in order",
          "[operations][rows]") {
  const auto status = [](const std::string& id, const std::string& word, int at) {
    return StatusRow{"whatsapp", id, "r", word, second(at), {}, {}};
  };
  OperationRows rows;
  for (const auto* id : {"c", "a", "c", "b", "a"}) {
    MessageRow message;
    message.provider = "whatsapp";
    message.message_id = id;
    message.kind = std::to_string(rows.messages.size());
    rows.messages.push_back(message);
  }
  OperationRows more;
  more.statuses = {status("o", "sent", 1), status("o", "read", 2), status("o", "sent", 3),
                   status("a", "sent", 4)};
  rows.append(std::move(more));
  const auto result = merged(std::move(rows));
  REQUIRE(result.messages.size() == 3);
  CHECK(result.messages[0].kind == "1");
  CHECK(result.messages[1].kind == "3");
  CHECK(result.messages[2].kind == "0");
  REQUIRE(result.statuses.size() == 3);
  CHECK(result.statuses[0].message_id == "a");
  CHECK(result.statuses[1].status == "read");
  CHECK(result.statuses[2].at == second(1));
}

}  // namespace holdfast::postgres
