#include "fixture.hpp"

#include <format>

namespace holdfast::e2e {

support::WriteOutcome write_number(int number, bool keyed, std::size_t padding) {
  support::WriteOutcome write;
  write.keyed = keyed;
  write.request.target = keyed ? "/ingest/keyed" : "/ingest/plain";
  write.request.headers = {{"Content-Type", "application/json"}};
  if (keyed) write.request.headers.emplace_back("X-Key", std::format("key-{}", number));
  write.request.body =
      std::format(R"({{"number":{},"text":"{}"}})", number, std::string(padding, 'x'));
  return write;
}

support::WriteOutcome post_one(const support::Daemon& daemon, support::WriteOutcome write) {
  const auto response = support::fetch(daemon.port(), write.request);
  write.last_status = response.status;
  if (response.accepted()) {
    write.ids.push_back(response.header("Holdfast-Id"));
  } else {
    ++write.refused;
  }
  return write;
}

}  // namespace holdfast::e2e
