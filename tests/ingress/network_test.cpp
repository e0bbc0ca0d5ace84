#include "ingress/network.hpp"

#include <catch2/catch_test_macros.hpp>

#include "requests.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;

namespace {

bool contains(std::string_view block, std::string_view address) {
  return CidrBlock::parse(block).value().contains(IpAddress::parse(address).value());
}

TrustedProxies trusted(std::vector<std::string> blocks) {
  return TrustedProxies::parse(blocks).value();
}

std::string sender(std::string_view peer, std::vector<std::string> forwarded,
                   std::vector<std::string> blocks = {"127.0.0.1/32", "10.0.0.0/8", "::1/128"}) {
  std::vector<Header> headers;
  for (auto& value : forwarded) headers.push_back({"x-forwarded-for", value});
  return sender_address(head_of("POST", "/", headers), IpAddress::parse(peer).value(),
                        trusted(std::move(blocks)));
}

}  // namespace

TEST_CASE("network: addresses are read and written in both families", "[ingress][network]") {
  CHECK(IpAddress::parse("192.0.2.1")->to_string() == "192.0.2.1");
  CHECK(IpAddress::parse("2001:DB8:0::1")->to_string() == "2001:db8::1");
  CHECK(IpAddress::parse("::ffff:192.0.2.1") == IpAddress::parse("192.0.2.1"));
  for (const auto* text : {"", "1.2.3", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "host", "1.2.3.256"})
    CHECK_FALSE(IpAddress::parse(text));
  CHECK_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST_CASE("network: a block holds its addresses and no others", "[ingress][network]") {
  CHECK(contains("127.0.0.1/32", "127.0.0.1"));
  CHECK_FALSE(contains("127.0.0.1/32", "127.0.0.2"));
  CHECK(contains("127.0.0.1/32", "::ffff:127.0.0.1"));
  CHECK(contains("10.0.0.0/8", "10.255.255.255"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK(contains("192.168.4.0/22", "192.168.7.255"));
  CHECK_FALSE(contains("192.168.4.0/22", "192.168.8.0"));
  CHECK(contains("0.0.0.0/0", "203.0.113.9"));
  CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(contains("::/0", "203.0.113.9"));
  CHECK(contains("192.0.2.7", "192.0.2.7"));
  for (const auto* text : {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1",
                           "10.0.0/8", "10.0.0.0/8 "})
    CHECK_FALSE(CidrBlock::parse(text));
  const std::vector<std::string> wrong{"10.0.0.0/8", "proxy.local"};
  CHECK(TrustedProxies::parse(wrong).error().message.contains("proxy.local"));
}

TEST_CASE("network: the sender is the right-most address that is no trusted proxy",
          "[ingress][network]") {
  CHECK(sender("203.0.113.9", {"198.51.100.1"}) == "203.0.113.9");
  CHECK(sender("127.0.0.1", {}) == "127.0.0.1");
  CHECK(sender("127.0.0.1", {"198.51.100.1"}) == "198.51.100.1");
  CHECK(sender("127.0.0.1", {"6.6.6.6, 198.51.100.1, 10.0.0.5"}) == "198.51.100.1");
  CHECK(sender("127.0.0.1", {"6.6.6.6", "198.51.100.1", "10.0.0.5"}) == "198.51.100.1");
  CHECK(sender("::1", {"2001:db8::9"}) == "2001:db8::9");
  CHECK(sender("::ffff:127.0.0.1", {"198.51.100.1"}) == "198.51.100.1");
  CHECK(sender("127.0.0.1", {"10.0.0.6, 10.0.0.5"}) == "10.0.0.6");
  CHECK(sender("127.0.0.1", {"198.51.100.1:4711"}) == "198.51.100.1");
  CHECK(sender("127.0.0.1", {"[2001:db8::9]:4711"}) == "2001:db8::9");
  CHECK(sender("127.0.0.1", {"198.51.100.1, unknown, 10.0.0.5"}) == "10.0.0.5");
  CHECK(sender("127.0.0.1", {""}) == "127.0.0.1");
  CHECK(sender("127.0.0.1", {"198.51.100.1"}, {}) == "127.0.0.1");
}

TEST_CASE("network: the called address is public_url, or what a trusted proxy says, or Host",
          "[ingress][network]") {
  const auto head =
      head_of("POST", "/",
              {{"X-Forwarded-Proto", "https, http"}, {"X-Forwarded-Host", "a.example, b.example"}});
  const auto proxies = trusted({"127.0.0.1/32"});
  const auto near = IpAddress::parse("127.0.0.1").value();
  const auto far = IpAddress::parse("203.0.113.9").value();
  CHECK(called_origin(head, near, proxies, "https://p.example/x") == "https://p.example/x");
  CHECK(called_origin(head, near, proxies, "https://p.example/") == "https://p.example");
  CHECK(called_origin(head, near, proxies, "") == "https://a.example");
  CHECK(called_origin(head, far, proxies, "") == "http://hooks.example.com");
  CHECK(called_origin(head_of("POST", "/"), near, proxies, "") == "http://hooks.example.com");
  const auto odd = head_of("POST", "/", {{"X-Forwarded-Proto", "gopher"}});
  CHECK(called_origin(odd, near, proxies, "") == "http://hooks.example.com");
}
