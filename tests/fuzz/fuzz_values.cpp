// A selector, a line end, the body of an entry: the value of a statement's parameter is text that
// Postgres takes, whatever the sender wrote. The destination's URL shares the input.

#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/json_pointer.hpp"
#include "base/selector.hpp"
#include "fuzz/target.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/operations_json.hpp"
#include "postgres/statement_values.hpp"

namespace holdfast::fuzz {
namespace {

using namespace holdfast::postgres;

Entry entry_of(std::string_view body, bool form) {
  Entry entry;
  entry.source = "fuzz";
  entry.method = "POST";
  entry.target = "/hook?a=%00&b=1";
  entry.content_type = form ? "application/x-www-form-urlencoded" : "application/json";
  entry.headers = {{"X-Bytes", std::string(body)}, {"X-Empty", ""}};
  entry.body = body;
  return entry;
}

void check_value(const base::Selector& selector, const Entry& entry) {
  const auto payload = payload_of(entry.content_type, entry.body);
  EntryValues values(entry, payload);
  const ParameterType plain{25, 1009, ',', false, false, ',', false};
  const ParameterType json{3802, 3807, ',', true, false, ',', false};
  const ParameterType array{1009, 0, ',', false, true, ',', false};
  for (const auto& type : {plain, json, array}) {
    const auto value = values.value(selector, type);
    if (!value) continue;
    HOLDFAST_CHECK(base::is_utf8(*value) && !value->contains('\0'), "a value is text");
    if (type.is_json && std::holds_alternative<base::JsonPointer>(selector))
      HOLDFAST_CHECK(JsonTape::read(*value).has_value() || value->size() > 100'000, "it is JSON");
  }
  const auto text = values.value(selector, plain);
  if (text && text->size() < 1000 && std::holds_alternative<base::HeaderSelector>(selector))
    HOLDFAST_CHECK(values.holds({selector, *text}), "a value is what it is");
  HOLDFAST_CHECK(!values.holds({selector, "no such text " + text.value_or("")}),
                 "and nothing else");
}

void check_url(std::string_view text) {
  DestinationConfig config;
  config.url = Secret(std::string(text));
  const auto conninfo = parse_conninfo(config);
  if (conninfo) {
    HOLDFAST_CHECK(conninfo->connect_timeout.count() > 0, "no attempt waits for ever");
    return;
  }
  // One of two messages for all of them, so that it can quote nothing.
  const auto message_of = [](const char* url) {
    DestinationConfig other;
    other.url = Secret(url);
    return parse_conninfo(other).error().message;
  };
  const auto& message = conninfo.error().message;
  HOLDFAST_CHECK(message == message_of("postgresql://%zz") || message == message_of("port=x"),
                 "no word of it");
}

void check_values(std::string_view input) {
  check_url(input);
  const auto selector = base::parse_selector(take_until(input, '\n'));
  if (!selector) return;
  check_value(*selector, entry_of(input, false));
  check_value(*selector, entry_of(input, true));
  ArrayLiteral literal(',');
  literal.add(std::string(input));
  literal.add(std::nullopt);
  HOLDFAST_CHECK(literal.text().starts_with("{\"") && literal.text().ends_with(",NULL}"), "array");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("values", holdfast::fuzz::check_values);
