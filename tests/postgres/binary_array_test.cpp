#include "postgres/binary_array.hpp"

#include "fixture.hpp"

namespace holdfast::postgres {

TEST_CASE("binary array: the bytes are those of array_send", "[postgres][binary]") {
  BinaryArray array(ElementType::bigint);
  CHECK(base::to_hex(array.bytes()) == "0000000100000000000000140000000000000001");
  array.add(std::int64_t{-2});
  array.add_null();
  CHECK(array.size() == 2);
  CHECK(base::to_hex(array.bytes()) ==
        "0000000100000001000000140000000200000001"
        "00000008fffffffffffffffeffffffff");
  const auto id = base::random_uuid();
  CHECK(uuid_from_binary(to_binary(id)) == id);
  CHECK_FALSE(uuid_from_binary("short").has_value());
}

TEST_CASE("binary array: the server reads each type as it was meant", "[postgres][binary]") {
  Fixture fixture;
  fixture.config.url = Secret(fixture.cluster.url());
  const Interrupt never;
  auto session =
      Session::open(parse_conninfo(fixture.config).value(), fixture.clock, never).value();
  const auto text_of = [&](const BinaryArray& array, const std::string& type) {
    const std::array parameters{Parameter{array.bytes()}};
    const auto rows = session.run("SELECT $1::" + type + "[]::text", parameters, false,
                                  fixture.clock.steady_now() + 10s);
    if (!rows) return rows.error().message;
    return std::string(rows->value(0, 0).value_or("NULL"));
  };
  BinaryArray texts(ElementType::text);
  CHECK(text_of(texts, "text") == "{}");
  texts.add(std::string_view("a\"b\\,{}"));
  texts.add(std::string_view(""));
  texts.add(std::optional<std::string>());
  texts.add(std::string_view("NULL"));
  CHECK(text_of(texts, "text") == R"({"a\"b\\,{}","",NULL,"NULL"})");
  BinaryArray bytes(ElementType::bytea);
  bytes.add(std::string_view("\0\xFF", 2));
  CHECK(text_of(bytes, "bytea") == R"({"\\x00ff"})");
  BinaryArray flags(ElementType::boolean);
  flags.add(true);
  flags.add(false);
  CHECK(text_of(flags, "boolean") == "{t,f}");
  BinaryArray numbers(ElementType::bigint);
  numbers.add(std::numeric_limits<std::int64_t>::min());
  numbers.add(std::int64_t{9'007'199'254'740'993});
  CHECK(text_of(numbers, "bigint") == "{-9223372036854775808,9007199254740993}");
  BinaryArray times(ElementType::timestamptz);
  times.add(WallTime(1'763'938'162'123ms));
  times.add(WallTime(-1ms));
  CHECK(text_of(times, "timestamptz") ==
        R"({"2025-11-23 22:49:22.123+00","1969-12-31 23:59:59.999+00"})");
  BinaryArray ids(ElementType::uuid);
  const auto id = base::random_uuid();
  ids.add(id);
  ids.add(std::optional(id));
  ids.add(std::optional<Uuid>());
  CHECK(text_of(ids, "uuid") == std::format("{{{0},{0},NULL}}", id.to_string()));
  BinaryArray json(ElementType::jsonb);
  json.add(std::string_view("[1,\"ü\"]"));
  CHECK(text_of(json, "jsonb") == R"({"[1, \"ü\"]"})");
  BinaryArray broken(ElementType::jsonb);
  broken.add(std::string_view("{"));
  CHECK(text_of(broken, "jsonb") == "invalid input syntax for type json");
}

}  // namespace holdfast::postgres
