#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <format>
#include <span>

#include "config/errors.hpp"
#include "config/syntax.hpp"

namespace holdfast::config {
namespace {

std::unexpected<std::string> wrong(std::string_view text, std::string_view why) {
  return std::unexpected(std::format("{} {}", in_quotes(text), why));
}

/// Decimal digits alone, at most `max`.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, value);
  if (text.empty() || status != std::errc() || rest != end || value > max) return std::nullopt;
  return value;
}

/// An address as its 4 or 16 bytes.
struct Address {
  int family = AF_INET;
  std::array<std::uint8_t, 16> bytes{};
  [[nodiscard]] std::uint32_t bits() const { return family == AF_INET ? 32 : 128; }
};

std::optional<Address> parse_address(std::string_view text) {
  // inet_pton ends at a NUL, and what stands behind it would be kept unread.
  if (text.contains('\0')) return std::nullopt;
  const std::string terminated(text);
  Address address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) return address;
  address.family = AF_INET6;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string to_text(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.family, address.bytes.data(), text.data(), text.size());
  return text.data();
}

/// The address with every bit after the first `prefix` cleared.
Address masked(Address address, std::uint32_t prefix) {
  for (std::uint32_t bit = prefix; bit < address.bits(); ++bit) {
    auto& byte = address.bytes[bit / 8];
    byte = static_cast<std::uint8_t>(byte & ~(0x80U >> (bit % 8)));
  }
  return address;
}

bool is_host_name(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  };
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, good);
}

/// True for what can only be meant as an IPv4 address: a wrong one must not be looked up as a name.
bool is_digits_and_dots(std::string_view text) {
  return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// The host of "host:port" without brackets; nullopt if it can be no host.
std::optional<std::string> parse_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    const auto inside = text.substr(1, text.size() - 2);
    const auto address = parse_address(inside);
    if (!address || address->family != AF_INET6) return std::nullopt;
    return std::string(inside);
  }
  if (!is_host_name(text)) return std::nullopt;
  if (is_digits_and_dots(text) && !parse_address(text)) return std::nullopt;
  return std::string(text);
}

/// Host and optional port of a URL, user information aside.
bool is_authority(std::string_view text) {
  if (const auto at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  const std::size_t host_end = text.starts_with('[') ? text.find(']') : 0;
  if (host_end == std::string_view::npos) return false;
  const auto colon = text.find(':', host_end);
  if (colon == std::string_view::npos) return parse_host(text).has_value();
  return parse_host(text.substr(0, colon)) &&
         parse_number(text.substr(colon + 1), 65535).has_value();
}

}  // namespace

Parsed<ListenAddress> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  // A bare IPv6 address is all colons: its last group must not be taken for a port.
  if (colon == std::string_view::npos || parse_address(text))
    return wrong(text,
                 R"(has no port; write "host:port", such as "127.0.0.1:8080" or "[::1]:8080")");
  const auto host = parse_host(text.substr(0, colon));
  if (!host)
    return wrong(text, R"(has no valid host; write "host:port", such as "127.0.0.1:8080" or )"
                       R"("0.0.0.0:8080" for all)");
  const auto port = parse_number(text.substr(colon + 1), 65535);
  if (!port)
    return wrong(text, "has no valid port; write 1 to 65535, or 0 to let the system choose");
  return ListenAddress{*host, static_cast<std::uint16_t>(*port)};
}

Parsed<std::string> parse_public_url(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return std::unexpected(
        "is no http(s) URL; write what senders call, such as \"https://hooks.example.com\"");
  }
  if (rest.find_first_of("?#") != std::string_view::npos)
    return std::unexpected("has a query or fragment; write scheme, host and path prefix alone");
  const bool visible = std::ranges::all_of(rest, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!visible || !is_authority(rest.substr(0, rest.find('/'))))
    return std::unexpected(
        "has no valid host; write what senders call, such as \"https://hooks.example.com\"");
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

Parsed<std::string> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address)
    return wrong(text, R"(is no address or CIDR block; write one such as "10.0.0.0/8" or "::1")");
  if (slash == std::string_view::npos) return std::format("{}/{}", text, address->bits());
  const auto prefix = parse_number(text.substr(slash + 1), address->bits());
  if (!prefix)
    return wrong(text, std::format("has no valid prefix; write / and 0 to {}", address->bits()));
  const Address network = masked(*address, *prefix);
  if (network.bytes != address->bytes)
    return wrong(text, std::format("has bits after its prefix; did you mean \"{}/{}\"?",
                                   to_text(network), *prefix));
  return std::string(text);
}

}  // namespace holdfast::config
