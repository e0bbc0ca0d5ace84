#include "config/hmac.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "base/encoding.hpp"

namespace holdfast::config {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 9> hmac_keys{"header",    "algorithm", "encoding",
                                                    "prefix",    "template",  "timestamp_header",
                                                    "id_header", "tolerance", "secret_encoding"};
constexpr std::array<std::string_view, 3> algorithms{"sha1", "sha256", "sha512"};
constexpr std::array<std::string_view, 3> encodings{"hex", "base64", "base64url"};
constexpr std::array<std::string_view, 3> secret_encodings{"raw", "hex", "base64"};

constexpr std::string_view body_place = "{body}";
constexpr std::string_view timestamp_place = "{timestamp}";
constexpr std::string_view id_place = "{id}";
constexpr std::size_t template_bytes_max = 1024;
constexpr std::size_t prefix_bytes_max = 64;

/// The value of a header has no white space at its ends, so that such a prefix would never match.
Parsed<std::string> parse_prefix(std::string_view text) {
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
  if (text.size() <= prefix_bytes_max && printable && !text.starts_with(' '))
    return std::string(text);
  return std::unexpected(
      std::format("{} is no prefix; write up to {} visible ASCII characters such as \"sha256=\"",
                  in_quotes(text), prefix_bytes_max));
}

/// Where two places touch, one can grow at the cost of the other under the same signature. A time
/// beside the body may: its range is checked.
bool id_touches_another(std::string_view text) {
  for (const auto other : {body_place, timestamp_place, id_place})
    if (text.contains(std::string(id_place) + std::string(other)) ||
        text.contains(std::string(other) + std::string(id_place)))
      return true;
  return false;
}

/// Every brace that opens must open one of the three places: a misspelled one would be signed by
/// nobody.
Parsed<std::string> parse_template(std::string_view text) {
  static constexpr std::string_view advice =
      "write what the sender signs, such as \"{timestamp}.{body}\"";
  if (text.size() > template_bytes_max)
    return std::unexpected(std::format("is longer than {} bytes", template_bytes_max));
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const auto rest = text.substr(at);
    if (rest.starts_with(body_place) || rest.starts_with(timestamp_place) ||
        rest.starts_with(id_place))
      continue;
    return std::unexpected(
        std::format("{} has a {{ that begins none of {{timestamp}}, {{id}} and {{body}}; {}",
                    in_quotes(text), advice));
  }
  const auto body = text.find(body_place);
  if (body == std::string_view::npos)
    return std::unexpected(std::format("{} has no {{body}}, so that any body would pass; {}",
                                       in_quotes(text), advice));
  if (text.find(body_place, body + 1) != std::string_view::npos)
    return std::unexpected(std::format("{} has {{body}} twice; {}", in_quotes(text), advice));
  if (id_touches_another(text))
    return std::unexpected(
        std::format("{} has nothing between {{id}} and its neighbour, so that one request could be "
                    "passed off as another; write what parts them, such as \".\"",
                    in_quotes(text)));
  return std::string(text);
}

/// The name of a header, or nothing.
Parsed<std::string> parse_optional_header(std::string_view text) {
  if (text.empty()) return std::string();
  return parse_header_name(text);
}

/// What must hold between the keys.
void check_places(TableReader& reader, const HmacConfig& hmac) {
  const bool signs_timestamp = hmac.body_template.contains(timestamp_place);
  if (signs_timestamp && hmac.timestamp_header.empty())
    reader.error("template",
                 "has {timestamp}, and timestamp_header does not say where it stands; "
                 "write timestamp_header");
  if (hmac.body_template.contains(id_place) && hmac.id_header.empty())
    reader.error("template",
                 "has {id}, and id_header does not say where it stands; write id_header");
  if (!signs_timestamp && !hmac.timestamp_header.empty())
    reader.warning("timestamp_header",
                   "is not signed, because template has no {timestamp}: who replays a request can "
                   "write a new time into it; add {timestamp} if the sender signs it");
  for (const auto* const other : {&hmac.timestamp_header, &hmac.id_header}) {
    if (!other->empty() && base::equal_ignore_case(*other, hmac.header))
      reader.error(other == &hmac.id_header ? "id_header" : "timestamp_header",
                   std::format("{} is the header of the signature already; name another",
                               in_quotes(*other)));
  }
}

}  // namespace

std::string_view to_string(HmacAlgorithm algorithm) {
  return algorithms[static_cast<std::size_t>(algorithm)];
}
std::string_view to_string(HmacEncoding encoding) {
  return encodings[static_cast<std::size_t>(encoding)];
}
std::string_view to_string(SecretEncoding encoding) {
  return secret_encodings[static_cast<std::size_t>(encoding)];
}

void read_hmac(TableReader& reader, SourceConfig& source) {
  if (source.provider != Provider::hmac) {
    for (const auto key : hmac_keys)
      if (reader.has(key))
        reader.error(key,
                     "belongs to provider \"hmac\" alone; remove it, or write provider = "
                     "\"hmac\"");
    return;
  }
  HmacConfig& hmac = source.hmac;
  reader.read_parsed("header", hmac.header, parse_header_name);
  if (const auto word = reader.word("algorithm", algorithms))
    hmac.algorithm = static_cast<HmacAlgorithm>(*word);
  if (const auto word = reader.word("encoding", encodings))
    hmac.encoding = static_cast<HmacEncoding>(*word);
  reader.read_parsed("prefix", hmac.prefix, parse_prefix);
  reader.read_parsed("template", hmac.body_template, parse_template);
  reader.read_parsed("timestamp_header", hmac.timestamp_header, parse_optional_header);
  reader.read_parsed("id_header", hmac.id_header, parse_optional_header);
  reader.read_duration("tolerance", hmac.tolerance, {1s, 24h});
  if (const auto word = reader.word("secret_encoding", secret_encodings))
    hmac.secret_encoding = static_cast<SecretEncoding>(*word);
  check_places(reader, hmac);
}

}  // namespace holdfast::config
