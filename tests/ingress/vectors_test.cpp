// Every vector as it is, with each bit of it wrong, and with its headers missing, repeated and
// written in another way.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "ingress/verify/verify.hpp"
#include "requests.hpp"
#include "support/vectors.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using support::Vector;
using verify::Finding;

namespace {

SourceConfig source_for(const Vector& vector) {
  auto source = source_of("s", vector.provider);
  source.secrets = {Secret(vector.secret)};
  source.hmac = vector.hmac;
  return source;
}

Finding finding(const Vector& vector, const SourceConfig& source) {
  const auto head = head_of("POST", vector.target, vector.headers);
  const WallTime now{std::chrono::seconds(vector.signed_at.value_or(0))};
  const auto keys = verify::Keys::of(source);
  return verify::request(source, keys, {head, vector.public_url, vector.body, now}).finding;
}

Finding finding(const Vector& vector) {
  return finding(vector, source_for(vector));
}

/// A vector of the test case's own; each runs once for each of them.
Vector any_vector() {
  return GENERATE(from_range(support::public_vectors()));
}

template <typename Change>
std::string changed_name(std::string name, Change change) {
  for (auto& c : name) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

TEST_CASE("verify: every public vector passes", "[ingress][verify][vectors]") {
  auto vector = any_vector();
  CAPTURE(vector.name);
  CHECK(finding(vector) == Finding::verified);
  for (auto& header : vector.headers)
    header.name = changed_name(header.name, [](int c) { return std::toupper(c); });
  CHECK(finding(vector) == Finding::verified);
  for (auto& header : vector.headers)
    header.name = changed_name(header.name, [](int c) { return std::tolower(c); });
  CHECK(finding(vector) == Finding::verified);
}

TEST_CASE("verify: one wrong bit of a signature, a time or an id fails",
          "[ingress][verify][vectors]") {
  const auto vector = any_vector();
  for (std::size_t i = 0; i < vector.signed_headers; ++i) {
    for (std::size_t at = 0; at < vector.headers[i].value.size(); ++at) {
      auto wrong = vector;
      wrong.headers[i].value = flip_bit(vector.headers[i].value, at);
      CAPTURE(vector.name, wrong.headers[i].value);
      REQUIRE(finding(wrong) == Finding::unverified);
    }
  }
}

TEST_CASE("verify: one wrong bit of a body fails", "[ingress][verify][vectors]") {
  const auto vector = any_vector();
  // A token covers nothing, and what Twilio signs are the form's decoded fields.
  if (vector.provider == Provider::telegram) return;
  for (std::size_t at = 0; at < vector.body.size(); ++at) {
    for (const int bit : {0, 7}) {
      auto wrong = vector;
      wrong.body = flip_bit(vector.body, at, bit);
      CAPTURE(vector.name, at);
      REQUIRE(finding(wrong) == Finding::unverified);
    }
  }
  for (const auto& body : {std::string(), vector.body + "\n", vector.body + vector.body}) {
    auto wrong = vector;
    wrong.body = body;
    CAPTURE(vector.name, body);
    CHECK(finding(wrong) == Finding::unverified);
  }
}

TEST_CASE("verify: a header that is missing, empty, cut or repeated is no proof",
          "[ingress][verify][vectors]") {
  const auto vector = any_vector();
  for (std::size_t i = 0; i < vector.signed_headers; ++i) {
    const auto with = [&](const std::string& value) {
      auto wrong = vector;
      wrong.headers[i].value = value;
      CAPTURE(vector.name, vector.headers[i].name, value);
      CHECK(finding(wrong) == Finding::unverified);
    };
    const auto value = vector.headers[i].value;
    for (const auto* text : {"", "=", "sha256=", "v0=", "v1,", "t=", "t=1,v1=", "not hex", "\xFF"})
      with(text);
    with(value + "A");
    with("0" + value);
    with(value.substr(1));
    // Without its padding alone, base64 is still the same code.
    for (std::size_t cut = value.ends_with('=') ? 3 : 1; cut < value.size(); ++cut)
      with(value.substr(0, value.size() - cut));
    auto missing = vector;
    missing.headers.erase(missing.headers.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(finding(missing) == Finding::unverified);
    auto repeated = vector;
    repeated.headers.push_back(vector.headers[i]);
    CHECK(finding(repeated) == Finding::unverified);
  }
}

TEST_CASE("verify: any of several secrets may match, a wrong or empty one never",
          "[ingress][verify][vectors]") {
  const auto vector = any_vector();
  CAPTURE(vector.name);
  auto source = source_for(vector);
  const Secret right(vector.secret);
  // Of the right form, so that it gets as far as being compared.
  std::string other = vector.secret;
  const auto at = other.size() > 40 ? other.size() - 10 : other.size() - 1;
  other[at] = other[at] == '0' ? '1' : '0';
  const Secret wrong(other);
  source.secrets = {wrong, right};
  CHECK(finding(vector, source) == Finding::verified);
  source.secrets = {right, wrong};
  CHECK(finding(vector, source) == Finding::verified);
  source.secrets = {Secret("%% not decodable %%"), Secret(""), right};
  CHECK(finding(vector, source) == Finding::verified);
  for (const auto& lone : {wrong, Secret(""), Secret("whsec_"), Secret("whpk_"), Secret("%%"),
                           Secret("whpk_AAAA"), Secret("MFkwEwYH"), Secret("=")}) {
    source.secrets = {lone};
    CHECK(finding(vector, source) == Finding::unverified);
  }
  source.secrets = {};
  CHECK(finding(vector, source) == Finding::unverified);
}

TEST_CASE("verify: the request of one provider is none of another's",
          "[ingress][verify][vectors]") {
  const auto vector = any_vector();
  CAPTURE(vector.name);
  for (std::size_t i = 0; i < provider_names.size(); ++i) {
    auto source = source_for(vector);
    source.provider = static_cast<Provider>(i);
    const auto same = [&](Provider one, Provider two) {
      return vector.provider == one && source.provider == two;
    };
    if (source.provider == vector.provider || source.provider == Provider::none ||
        source.provider == Provider::hmac || vector.provider == Provider::hmac ||
        same(Provider::whatsapp, Provider::github) || same(Provider::github, Provider::whatsapp))
      continue;
    CHECK(finding(vector, source) == Finding::unverified);
  }
}

TEST_CASE("verify: the window is open 300 seconds both ways and no longer",
          "[ingress][verify][vectors][window]") {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const auto vector = any_vector();
  if (!vector.signed_at) return;
  CAPTURE(vector.name);
  const auto source = source_for(vector);
  const auto keys = verify::Keys::of(source);
  const auto verdict = [&](milliseconds later, const std::string& body) {
    const auto head = head_of("POST", "/", vector.headers);
    const WallTime now = WallTime(seconds(*vector.signed_at)) + later;
    return verify::request(source, keys, {head, "", body, now});
  };
  for (const auto later : {milliseconds(0), milliseconds(300'000), milliseconds(300'999),
                           milliseconds(-1), milliseconds(-300'000)})
    CHECK(verdict(later, vector.body).finding == Finding::verified);
  for (const auto later : {301LL, 86'400LL * 3650, -301LL, -86'400LL * 3650}) {
    const auto late = verdict(seconds(later), vector.body);
    CHECK(late.finding == Finding::out_of_window);
    CHECK(late.offset == seconds(-later));
    // Who cannot sign learns nothing about the clock.
    CHECK(verdict(seconds(later), vector.body + " ").finding == Finding::unverified);
  }
}
