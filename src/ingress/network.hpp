#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/failure.hpp"
#include "ingress/head.hpp"

/// Who is at the other end, and whom we believe about it. Pure.
namespace holdfast::ingress {

/// An IPv4 or IPv6 address; IPv4 is kept as its mapped IPv6 address, so that both compare alike.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
  [[nodiscard]] bool is_ipv4() const;
  [[nodiscard]] std::string to_string() const;
  /// A numeric address; nullopt on a port, brackets, a zone or a name.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
};

/// A block of addresses such as "10.0.0.0/8", "::1/128" or a single address.
struct CidrBlock {
  IpAddress network;
  unsigned prefix_bits = 128;  ///< Of the mapped form: an IPv4 "/8" is 104.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] static std::optional<CidrBlock> parse(std::string_view text);
};

class TrustedProxies {
 public:
  /// Errors:   refused: one of them is not a CIDR block.
  [[nodiscard]] static std::expected<TrustedProxies, Failure> parse(
      std::span<const std::string> blocks);
  [[nodiscard]] bool trusts(const IpAddress& address) const;

 private:
  std::vector<CidrBlock> blocks_;
};

/// The sender: the peer itself, or, if the peer is a trusted proxy, the right-most address of
/// X-Forwarded-For that is no trusted proxy (what stands left of it can be made up by the sender).
[[nodiscard]] std::string sender_address(const RequestHead& head, const IpAddress& peer,
                                         const TrustedProxies& proxies);

/// Scheme and host that the sender called, without a path: "https://hooks.example.com". From
/// `public_url` if there is one; else from a trusted proxy's X-Forwarded-*; else http and Host.
[[nodiscard]] std::string called_origin(const RequestHead& head, const IpAddress& peer,
                                        const TrustedProxies& proxies, std::string_view public_url);

}  // namespace holdfast::ingress
