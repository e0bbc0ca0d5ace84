// Single values of a configuration: what the configuration takes, the part that uses it must take.

#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.hpp"
#include "base/selector.hpp"
#include "config/syntax.hpp"
#include "fuzz/target.hpp"
#include "ingress/dedupe.hpp"
#include "ingress/head.hpp"
#include "ingress/network.hpp"

namespace holdfast::fuzz {
namespace {

using ingress::CidrBlock;
using ingress::IpAddress;

void check_addresses(std::string_view input) {
  if (const auto listen = config::parse_listen(input)) {
    HOLDFAST_CHECK(config::parse_listen(listen->to_string()) == *listen, "it is read back");
    HOLDFAST_CHECK(!listen->host.contains('\0'), "a host is a C string");
    if (const auto address = IpAddress::parse(listen->host); address && listen->is_loopback())
      HOLDFAST_CHECK((address->is_ipv4() && address->bytes[12] == 127) || listen->host == "::1" ||
                         address == IpAddress::parse("::1"),
                     "loopback is loopback");
  }
  if (const auto block = config::parse_cidr(input)) {
    const auto parsed = CidrBlock::parse(*block);
    HOLDFAST_CHECK(parsed.has_value(), "what the configuration takes is a block");
    HOLDFAST_CHECK(parsed->contains(parsed->network), "a block contains its network");
  }
  if (const auto address = IpAddress::parse(input)) {
    HOLDFAST_CHECK(IpAddress::parse(address->to_string()) == *address, "an address is read back");
    HOLDFAST_CHECK(input.find_first_not_of("0123456789abcdefABCDEF.:") == std::string_view::npos,
                   "an address holds nothing else");
  }
  if (const auto block = CidrBlock::parse(input)) {
    HOLDFAST_CHECK(block->prefix_bits <= 128 && block->contains(block->network), "its own network");
    const auto proxies = ingress::TrustedProxies::parse(std::vector{std::string(input)});
    HOLDFAST_CHECK(proxies && proxies->trusts(block->network), "a block is a trusted proxy");
  }
}

void check_names(std::string_view input) {
  if (const auto path = config::parse_source_path(input)) {
    ingress::HeadParser parser{ingress::HeadLimits{}};
    const auto done = parser.advance("POST " + *path + "?a HTTP/1.1\r\nHost: a\r\n\r\n");
    HOLDFAST_CHECK(done && *done && parser.take().path() == *path, "a path can be called");
  }
  if (const auto name = config::parse_header_name(input)) {
    ingress::HeadParser parser{ingress::HeadLimits{}};
    const auto done = parser.advance("POST / HTTP/1.1\r\nHost: a\r\n" + *name + ": \r\n\r\n");
    const bool framing = base::equal_ignore_case(*name, "Host") ||
                         base::equal_ignore_case(*name, "Content-Length") ||
                         base::equal_ignore_case(*name, "Transfer-Encoding") ||
                         base::equal_ignore_case(*name, "Expect");
    HOLDFAST_CHECK(framing || (done && *done && parser.take().has(*name)), "it can be sent");
  }
  if (const auto name = config::parse_source_name(input))
    HOLDFAST_CHECK(config::parse_source_path("/ingest/" + *name).has_value(), "it makes a path");
  if (const auto schema = config::parse_schema(input)) {
    HOLDFAST_CHECK(base::is_utf8(*schema) && schema->size() <= 63, "a schema is an identifier");
    HOLDFAST_CHECK(!schema->contains('\0'), "and no part of one");
  }
  if (const auto url = config::parse_public_url(input)) {
    HOLDFAST_CHECK(!url->ends_with('/'), "a target is put behind it");
    HOLDFAST_CHECK(config::parse_public_url(*url) == *url, "it is read back");
  }
}

void check_selectors(std::string_view input) {
  if (const auto dedupe = config::parse_dedupe(input)) {
    SourceConfig source;
    source.name = "a";
    source.dedupe = *dedupe;
    HOLDFAST_CHECK(ingress::DedupeRule::make(source).has_value(), "a rule that is taken works");
  }
  if (const auto order = config::parse_order_by(input))
    HOLDFAST_CHECK(base::parse_json_pointer(*order).has_value(), "order_by is a pointer");
  const auto selector = base::parse_selector(input);
  if (selector) {
    const auto condition = base::parse_condition(std::string(input) + "=x=y");
    if (!input.contains('='))
      HOLDFAST_CHECK(condition && condition->value == "x=y", "the first = separates");
  } else {
    HOLDFAST_CHECK(!selector.error().empty(), "an error says what to write");
    HOLDFAST_CHECK(!base::parse_json_pointer(input), "every pointer selects");
  }
}

void check_syntax(std::string_view input) {
  check_addresses(input);
  check_names(input);
  check_selectors(input);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("syntax", holdfast::fuzz::check_syntax);
