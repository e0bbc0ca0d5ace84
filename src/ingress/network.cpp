#include "ingress/network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <format>
#include <ranges>

#include "base/encoding.hpp"

namespace holdfast::ingress {
namespace {

constexpr unsigned mapped_prefix_bits = 96;
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/// An element of X-Forwarded-For; some proxies add a port: "192.0.2.1:4711" or "[2001:db8::1]:80".
std::optional<IpAddress> parse_hop(std::string_view hop) {
  if (hop.starts_with('[')) return IpAddress::parse(hop.substr(1, hop.find(']') - 1));
  if (std::ranges::count(hop, ':') == 1) return IpAddress::parse(hop.substr(0, hop.find(':')));
  return IpAddress::parse(hop);
}

/// The left-most element: what the proxy nearest to the sender saw.
std::string_view first_element(std::string_view list) {
  return base::trim_blanks(list.substr(0, list.find(',')));
}

}  // namespace

bool IpAddress::is_ipv4() const {
  return std::ranges::equal(mapped_prefix, std::span(bytes).first<12>());
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!is_ipv4()) {
    inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    return text.data();
  }
  // inet_ntop goes through printf, for each request.
  char* end = text.data();
  for (const auto byte : std::span(bytes).last<4>()) {
    if (end != text.data()) *end++ = '.';
    end = std::to_chars(end, text.data() + text.size(), unsigned{byte}).ptr;
  }
  return {text.data(), end};
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton ends at a NUL, and what stands behind it would not count.
  if (text.size() >= INET6_ADDRSTRLEN || text.contains('\0')) return std::nullopt;
  const std::string terminated(text);
  IpAddress address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  std::ranges::copy(mapped_prefix, address.bytes.begin());
  if (inet_pton(AF_INET, terminated.c_str(), &address.bytes[12]) == 1) return address;
  return std::nullopt;
}

bool CidrBlock::contains(const IpAddress& address) const {
  const std::size_t whole = prefix_bits / 8;
  if (!std::ranges::equal(std::span(address.bytes).first(whole),
                          std::span(network.bytes).first(whole)))
    return false;
  const unsigned rest = prefix_bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xFFU << (8 - rest);
  return ((address.bytes[whole] ^ network.bytes[whole]) & mask & 0xFFU) == 0;
}

std::optional<CidrBlock> CidrBlock::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  CidrBlock block{*address, 128};
  if (slash == std::string_view::npos) return block;
  const bool ipv4 = !text.contains(':');
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > (ipv4 ? 32U : 128U))
    return std::nullopt;
  block.prefix_bits = ipv4 ? bits + mapped_prefix_bits : bits;
  return block;
}

std::expected<TrustedProxies, Failure> TrustedProxies::parse(std::span<const std::string> blocks) {
  TrustedProxies proxies;
  for (const auto& text : blocks) {
    const auto block = CidrBlock::parse(text);
    if (!block)
      return std::unexpected(
          Failure{FailureKind::refused,
                  std::format("reading trusted_proxies: \"{}\" is no address block; write it as "
                              "10.0.0.0/8 or ::1/128",
                              text)});
    proxies.blocks_.push_back(*block);
  }
  return proxies;
}

bool TrustedProxies::trusts(const IpAddress& address) const {
  return std::ranges::any_of(blocks_, [&](const CidrBlock& b) { return b.contains(address); });
}

std::string sender_address(const RequestHead& head, const IpAddress& peer,
                           const TrustedProxies& proxies) {
  IpAddress sender = peer;
  if (!proxies.trusts(peer)) return sender.to_string();
  for (const auto& [name, value] : std::views::reverse(head.headers)) {
    if (!base::equal_ignore_case(name, "X-Forwarded-For")) continue;
    std::vector<std::string_view> hops;
    for (const auto range : std::views::split(value, ','))
      hops.emplace_back(base::trim_blanks(std::string_view(range)));
    for (const auto hop : std::views::reverse(hops)) {
      const auto address = parse_hop(hop);
      if (!address) return sender.to_string();
      sender = *address;
      if (!proxies.trusts(sender)) return sender.to_string();
    }
  }
  return sender.to_string();
}

std::string called_origin(const RequestHead& head, const IpAddress& peer,
                          const TrustedProxies& proxies, std::string_view public_url) {
  if (!public_url.empty())
    return std::string(
        public_url.substr(0, public_url.size() - (public_url.ends_with('/') ? 1 : 0)));
  std::string_view scheme = "http";
  std::string_view host = head.host;
  if (proxies.trusts(peer)) {
    const auto proto = first_element(head.first("X-Forwarded-Proto"));
    const auto forwarded_host = first_element(head.first("X-Forwarded-Host"));
    if (base::equal_ignore_case(proto, "https")) scheme = "https";
    if (!forwarded_host.empty()) host = forwarded_host;
  }
  std::string origin(scheme);
  origin.append("://").append(host);
  return origin;
}

}  // namespace holdfast::ingress
