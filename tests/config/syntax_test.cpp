#include "config/syntax.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "config/load.hpp"

using namespace holdfast;
using namespace holdfast::config;

TEST_CASE("config: a listen address is host and port", "[config][syntax]") {
  CHECK(parse_listen("127.0.0.1:8080") == ListenAddress{"127.0.0.1", 8080});
  CHECK(parse_listen("0.0.0.0:65535") == ListenAddress{"0.0.0.0", 65535});
  CHECK(parse_listen("[::1]:0") == ListenAddress{"::1", 0});
  CHECK(parse_listen("localhost:80") == ListenAddress{"localhost", 80});
  for (const auto* text : {"", "8080", "127.0.0.1", "::1", "::1:8080", "[::1]"})
    CHECK_FALSE(parse_listen(text));
  for (const auto* text :
       {":8080", "127.0.0.256:1", "1.2.3:1", "[127.0.0.1]:1", "[::g]:1", "a b:1"}) {
    CAPTURE(text);
    const auto parsed = parse_listen(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().contains("has no valid host"));
  }
  for (const auto* text : {"localhost:", "localhost:65536", "localhost:-1", "localhost:http",
                           "localhost:+1", "localhost: 80"}) {
    CAPTURE(text);
    const auto parsed = parse_listen(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().contains("has no valid port"));
  }
}

TEST_CASE("config: a public URL is http(s) without query and loses its last slash",
          "[config][syntax]") {
  CHECK(parse_public_url("https://hooks.example.com") == "https://hooks.example.com");
  CHECK(parse_public_url("https://hooks.example.com/") == "https://hooks.example.com");
  CHECK(parse_public_url("http://h:8080/prefix//") == "http://h:8080/prefix");
  CHECK(parse_public_url("https://user:pass@h") == "https://user:pass@h");
  CHECK(parse_public_url("http://[::1]:80") == "http://[::1]:80");
  for (const auto* text : {"", "hooks.example.com", "ftp://h", "HTTPS://h", "https://",
                           "https:///x", "https://h?x=1", "https://h#f", "https://h h",
                           "https://h:port", "https://h:99999", "https://[::1", "https://h\n"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_public_url(text));
  }
}

TEST_CASE("config: trusted proxies are CIDR blocks or addresses", "[config][syntax]") {
  CHECK(parse_cidr("127.0.0.1/32") == "127.0.0.1/32");
  CHECK(parse_cidr("127.0.0.1") == "127.0.0.1/32");
  CHECK(parse_cidr("10.0.0.0/8") == "10.0.0.0/8");
  CHECK(parse_cidr("0.0.0.0/0") == "0.0.0.0/0");
  CHECK(parse_cidr("::1") == "::1/128");
  CHECK(parse_cidr("fd00::/8") == "fd00::/8");
  for (const auto* text : {"", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8",
                           "10.0.0.0/-1", "10.0.0.0/8/8", " 10.0.0.0/8"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cidr(text));
  }
  const auto stray = parse_cidr("10.1.2.3/8");
  REQUIRE_FALSE(stray);
  CHECK(stray.error().contains("did you mean \"10.0.0.0/8\"?"));
  const auto stray_six = parse_cidr("fd00::1/8");
  REQUIRE_FALSE(stray_six);
  CHECK(stray_six.error().contains("did you mean \"fd00::/8\"?"));
}

TEST_CASE("config: an error is one line without control characters", "[config][syntax]") {
  for (const char* text : {"write = [\nn\n  { a = 1 },\n]\n", "\"a\\u001b[31m\" = 1\n",
                           "[ingress]\n\"x\\ny\" = 1\n", "a = \x1b\n"}) {
    const auto config = parse(text, "holdfast.toml", [](auto&) { return std::nullopt; });
    REQUIRE_FALSE(config);
    for (const auto& error : config.error().list) {
      const auto line = to_line("holdfast.toml", error);
      INFO(line);
      CHECK(std::ranges::none_of(line, [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
    }
  }
}

TEST_CASE("config: an address ends where its text ends, not at a NUL", "[config][syntax]") {
  using namespace std::string_view_literals;
  CHECK_FALSE(parse_cidr("10.0.0.1\0x"sv));
  CHECK_FALSE(parse_cidr("10.0.0.0\0/8"sv));
  CHECK_FALSE(parse_listen("[::1\0x]:80"sv));
  CHECK_FALSE(parse_listen("127.0.0.1\0x:80"sv));
}

TEST_CASE("config: a source's name is 1 to 64 letters, digits, _ or -", "[config][syntax]") {
  CHECK(parse_source_name("a"));
  CHECK(parse_source_name("A_z-09"));
  CHECK(parse_source_name(std::string(64, 'x')));
  CHECK_FALSE(parse_source_name(std::string(65, 'x')));
  for (const auto* text : {"", "a b", "a/b", "a.b", "ä", "a\n"})
    CHECK_FALSE(parse_source_name(text));
}

TEST_CASE("config: a source's path is what stands in a request line", "[config][syntax]") {
  CHECK(parse_source_path("/"));
  CHECK(parse_source_path("/api/whatsapp/webhook"));
  CHECK(parse_source_path("/a%20b;c=d"));
  CHECK(parse_source_path("/" + std::string(1023, 'x')));
  CHECK_FALSE(parse_source_path("/" + std::string(1024, 'x')));
  for (const auto* text :
       {"", "a", "/a?b", "/a#b", "/a b", "/ä", "/a\x7f", "/a\tb", "http://h/a"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_source_path(text));
  }
}

TEST_CASE("config: dedupe is a JSON pointer, a header or the body", "[config][syntax]") {
  for (const auto* text : {"", "body", "/", "/id", "/a/0/b", "/a~0b~1c", "header:X-Id", "/ü"}) {
    CAPTURE(text);
    CHECK(parse_dedupe(text) == text);
  }
  for (const auto* text :
       {"id", "Body", "header:", "header:a b", "/a~", "/a~2", "$.id", "header:a:b"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_dedupe(text));
  }
  CHECK(parse_dedupe("/" + std::string(511, 'x')));
  CHECK_FALSE(parse_dedupe("/" + std::string(512, 'x')));
}

TEST_CASE("config: a schema is 1 to 63 bytes", "[config][syntax]") {
  CHECK(parse_schema("holdfast"));
  CHECK(parse_schema("With \"quotes\""));
  CHECK(parse_schema(std::string(63, 'x')));
  CHECK_FALSE(parse_schema(std::string(64, 'x')));
  CHECK_FALSE(parse_schema(""));
  CHECK_FALSE(parse_schema("pg_x"));
  CHECK_FALSE(parse_schema("\xff"));
  CHECK_FALSE(parse_schema(std::string_view("hold\0fast", 9)));
}
