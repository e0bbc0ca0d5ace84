// Bodies that are larger, smaller or longer on their way than they say. Scenario 27.

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <format>
#include <memory>
#include <thread>

#include "rig.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t memory_growth_kib = 40 * 1024;

std::string chunked_head() {
  return head("Transfer-Encoding: chunked\r\n");
}

/// Sends the same piece again and again until an answer has come, or the peer is gone.
Answer send_endlessly(RawClient& client, std::string_view first, const std::string& piece) {
  std::jthread sending([&](const std::stop_token& stop) {
    bool open = client.send(first);
    while (open && !stop.stop_requested()) open = client.send(piece);
  });
  return client.receive();
}

}  // namespace

TEST_CASE("hostile: a body that is announced too large is 413 before a byte of it",
          "[hostile][length]") {
  Target target;
  for (const auto* length : {"4194305", "1000000000000", "18446744073709551615",
                             "18446744073709551616", "99999999999999999999999999999999999999"}) {
    CAPTURE(length);
    RawClient client(target.port());
    const auto answer = client.exchange(head(std::format("Content-Length: {}\r\n", length)));
    CHECK(answer.status == 413);
    CHECK(client.closed_within(5s));
  }
  {
    // The sender that sends it all the same still reads its answer.
    RawClient stubborn(target.port());
    stubborn.send(head("Content-Length: 20000000\r\n"));
    stubborn.send(std::string(8'000'000, 'x'));
    CHECK(stubborn.receive().status == 413);
  }
  target.finish();
}

TEST_CASE("hostile: more announced than sent is 408, and the end of the connection is 400",
          "[hostile][length]") {
  Target target("request_deadline = \"1s\"\n");
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (const auto& bytes :
       {head("Content-Length: 100\r\n") + "ten bytes.", chunked_head() + "64\r\nten bytes.",
        chunked_head() + "a\r\nten bytes.\r\n",
        chunked_head() + "a\r\nten bytes.\r\n0\r\nTrailer: x\r\n", post("x").substr(0, 30),
        std::string("P")}) {
    waiting.push_back(std::make_unique<RawClient>(target.port()));
    waiting.back()->send(bytes);
  }
  for (auto& client : waiting) CHECK(target.note(client->receive()).status == 408);
  waiting.clear();
  {
    RawClient half_closed(target.port());
    half_closed.send(head("Content-Length: 100\r\n") + "ten bytes.");
    half_closed.finish();
    CHECK(target.note(half_closed.receive()).status == 400);
  }
  target.finish();
}

TEST_CASE("hostile: what comes behind a body that said to be shorter is no second entry",
          "[hostile][length]") {
  Target target;
  for (const auto& rest : {std::string("bc"), std::string("{\"more\":1}"), "bc" + post("behind"),
                           std::string("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), std::string("\n\n"),
                           std::string(3, '\0'), std::string("\r\n\r\n\r\n")}) {
    CAPTURE(rest);
    RawClient client(target.port());
    client.send(head("Content-Length: 1\r\n") + "a" + rest + "\r\n\r\n");
    CHECK(target.note(client.receive()).status == 202);
    CHECK(target.note(client.receive()).status >= 400);
    CHECK(target.note(client.receive()).status == 0);
    CHECK(client.closed_within(5s));
  }
  target.finish();
}

TEST_CASE("hostile: chunks without end meet max_body or the deadline, and memory has a bound",
          "[hostile][length]") {
  Target target("request_deadline = \"2s\"\nmax_body = \"4MiB\"\n");
  target.note(post_healthily(target.port(), 20, true).ids);
  forget_peak(target.pid());
  const auto before = usage_of(target.pid());
  {
    RawClient client(target.port());
    CHECK(send_endlessly(client, chunked_head(), "4000\r\n" + std::string(16384, 'x') + "\r\n")
              .status == 413);
  }
  {
    // One byte of body for 260 on the wire: the deadline comes first.
    RawClient client(target.port());
    std::string piece;
    for (int i = 0; i < 64; ++i) piece += "1;" + std::string(250, 'e') + "\r\nx\r\n";
    const auto status = send_endlessly(client, chunked_head(), piece).status;
    CHECK((status == 408 || status == 413));
  }
  for (const auto* piece : {"1;", ";a=b", "e"}) {
    RawClient client(target.port());
    CHECK(send_endlessly(client, chunked_head() + "1;", std::string(4096, piece[0])).status == 400);
  }
  {
    RawClient client(target.port());
    const auto answer =
        send_endlessly(client, chunked_head() + "1\r\nx\r\n0\r\n", "Name: value\r\n");
    CHECK(answer.status == 400);
  }
  const auto growth = usage_of(target.pid()).peak_kib - before.resident_kib;
  std::printf("  chunks without end: peak %lld KiB\n", static_cast<long long>(growth));
  if (memory_counts()) CHECK(growth < memory_growth_kib);
  target.finish();
}

TEST_CASE("hostile: a chunk size that no number holds is 400, one that none may have 413",
          "[hostile][length]") {
  Target target;
  for (const auto* size :
       {"10000000000000000", "ffffffffffffffff", "fffffffffffffffff", "0000000000000000000005",
        "-1", "+5", "0x5", "5 ", " 5", "5_0", "", "g", "5\n", "\x80"}) {
    CAPTURE(size);
    CHECK(
        target.exchange(chunked_head() + size + "\r\nhello\r\n0\r\n\r\n" + post("behind")).status ==
        400);
  }
  for (const auto* size : {"fffffffffffffff", "400001", "7fffffff", "100000000"}) {
    CAPTURE(size);
    CHECK(
        target.exchange(chunked_head() + size + "\r\nhello\r\n0\r\n\r\n" + post("behind")).status ==
        413);
  }
  target.finish();
}

TEST_CASE("hostile: a million chunks of one byte are one entry, in little memory and time",
          "[hostile][length]") {
  Target target;
  target.note(post_healthily(target.port(), 20, true).ids);
  forget_peak(target.pid());
  const auto before = usage_of(target.pid());
  constexpr int million = 1'000'000;
  std::string bytes = chunked_head();
  for (int i = 0; i < million; ++i) bytes += "1\r\nx\r\n";
  bytes += "0\r\n\r\n";
  const auto cpu_before = processor_seconds(target.pid());
  CHECK(target.exchange(bytes).status == 202);
  const auto cpu = processor_seconds(target.pid()) - cpu_before;
  const auto growth = usage_of(target.pid()).peak_kib - before.resident_kib;
  std::printf("  a million chunks: %.2f s of processor, peak %lld KiB\n", cpu,
              static_cast<long long>(growth));
  if (memory_counts()) {
    CHECK(cpu < 5.0);
    CHECK(growth < memory_growth_kib);
  }
  target.finish();
}
