#include "base/json_pointer.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>
#include <random>

using namespace holdfast;
using nlohmann::json;
using Text = std::optional<std::string>;
using Span = std::optional<std::string_view>;

namespace {

base::JsonPointer pointer(std::string_view text) {
  const auto parsed = base::parse_json_pointer(text);
  REQUIRE(parsed);
  return *parsed;
}

Text scalar(std::string_view at, std::string_view document) {
  return base::json_scalar_at(document, pointer(at));
}

Span text_at(std::string_view at, std::string_view document) {
  REQUIRE(base::is_json(document));
  return base::json_text_at(document, pointer(at));
}

/// Documents with everything that a scanner can stumble over: white space, brackets and quotes in
/// strings, escapes, repeated names, names that are numbers.
class Documents {
 public:
  explicit Documents(unsigned seed) : random_(seed) {}

  std::string value(int depth) {
    static constexpr std::array leaves{"null",
                                       "true",
                                       "false",
                                       "0",
                                       "-0",
                                       "1.50",
                                       "-2e-3",
                                       "12345678901234567890123",
                                       R"("")",
                                       R"("a")",
                                       R"("]}{[,:")",
                                       R"("\"")",
                                       R"("\\")",
                                       R"("\\\"]")",
                                       R"("\u0061\ud83d\ude00")",
                                       "\"\xC3\xA9\"",
                                       R"("null")"};
    const auto kind = below(depth > 0 ? 4 : 2);
    if (kind < 2) return space() + leaves[below(leaves.size())] + space();
    const bool object = kind == 2;
    std::string text = space() + (object ? "{" : "[");
    const auto members = below(4);
    for (std::size_t i = 0; i < members; ++i) {
      if (i > 0) text += ",";
      if (object) text += space() + names()[below(names().size())] + space() + ":";
      text += value(depth - 1);
    }
    if (members == 0) text += space();
    return text + (object ? "}" : "]") + space();
  }
  std::string some_pointer() {
    static constexpr std::array tokens{"/a", "/b", "/",   "/a~1b", "/m~0n", "/0", "/1",
                                       "/2", "/-", "/00", "/\"",   "/]",    "/x", "/\xC3\xA9"};
    std::string text;
    for (auto depth = below(5); depth > 0; --depth) text += tokens[below(tokens.size())];
    return text;
  }
  std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  static const std::vector<std::string>& names() {
    static const std::vector<std::string> made{
        R"("a")", R"("\u0061")", R"("b")",  R"("")",  R"("a/b")", R"("a\/b")",    R"("m~n")",
        R"("0")", R"("1")",      R"("\"")", R"("]")", R"("\\")",  "\"\xC3\xA9\"", R"("\u00e9")"};
    return made;
  }
  std::string space() {
    static constexpr std::array spaces{"", "", "", " ", "\n\t", "\r\n "};
    return spaces[below(spaces.size())];
  }

  std::mt19937 random_;
};

/// What nlohmann finds there; null if nothing is.
const json* at_their_pointer(const json& tree, const std::string& text) {
  try {
    return &tree.at(json::json_pointer(text));
  } catch (const json::exception&) {
    return nullptr;
  }
}

}  // namespace

TEST_CASE("json pointer: the text is a list of tokens", "[base][json]") {
  CHECK(pointer("").empty());
  CHECK(pointer("/") == base::JsonPointer{""});
  CHECK(pointer("/a//b") == base::JsonPointer{"a", "", "b"});
  CHECK(pointer("/a~1b/~0/~01") == base::JsonPointer{"a/b", "~", "~1"});
  for (const auto* text : {"a", "#/a", " /a", "/a~", "/a~2", "/~"}) {
    CAPTURE(text);
    CHECK_FALSE(base::parse_json_pointer(text));
  }
}

TEST_CASE("json pointer: pointers lead through objects and arrays", "[base][json]") {
  const std::string body =
      R"({"a":[{"b":1},{"b":"x","":"empty"}],"m/n":2,"t~u":3,"0":"zero","a b":4})";
  CHECK(scalar("/a/0/b", body) == "1");
  CHECK(scalar("/a/1/b", body) == "x");
  CHECK(scalar("/a/1/", body) == "empty");
  CHECK(scalar("/m~1n", body) == "2");
  CHECK(scalar("/t~0u", body) == "3");
  CHECK(scalar("/0", body) == "zero");
  CHECK(scalar("/a b", body) == "4");
  CHECK(scalar("/a/01/b", body) == std::nullopt);
  CHECK(scalar("/a/-/b", body) == std::nullopt);
  CHECK(scalar("/a/2/b", body) == std::nullopt);
  CHECK(scalar("/a/1/b/c", body) == std::nullopt);
  CHECK(scalar("/1", "[\"x\",\"y\"]") == "y");
  CHECK(scalar("/1/0", "[[9],[8]]") == "8");
  CHECK(scalar("", "7") == "7");
}

TEST_CASE("json pointer: every byte of a value stays as it was sent", "[base][json]") {
  const std::string_view body =
      "\xEF\xBB\xBF { \"a\" : [ 1 , { \"b\" : \"\\u0041\" } ] , \"n\":\n-0.0 }\n";
  CHECK(text_at("", body) == "{ \"a\" : [ 1 , { \"b\" : \"\\u0041\" } ] , \"n\":\n-0.0 }");
  CHECK(text_at("/a", body) == R"([ 1 , { "b" : "\u0041" } ])");
  CHECK(text_at("/a/1/b", body) == R"("\u0041")");
  CHECK(text_at("/n", body) == "-0.0");
  CHECK(text_at("/x", body) == std::nullopt);
  CHECK(text_at("", " null ") == "null");
}

TEST_CASE("json pointer: strings count by content, numbers by source text", "[base][json]") {
  CHECK(scalar("/id", R"({"id":"a\u00e9\"b"})") == "a\xC3\xA9\"b");
  const std::string number =
      GENERATE("0", "-0", "7", "-7", "1.0", "1.00", "1e5", "1E+5", "-0.0", "18446744073709551615",
               "18446744073709551616", "-9223372036854775808", "-9223372036854775809",
               "12345678901234567890123", "0.1000000000000000055511151231257827", "1e400");
  CAPTURE(number);
  CHECK(scalar("/id", R"({"id": )" + number + " }") == number);
}

TEST_CASE("json pointer: what is neither string nor number is none", "[base][json]") {
  const std::string body = GENERATE(
      "", "{", "null", "[]", "{}", R"({"id":null})", R"({"id":true})", R"({"id":false})",
      R"({"id":{}})", R"({"id":[1]})", R"({"Id":1})", R"({"id":1)", R"({"id":1} x)", R"({"id":01})",
      "{\"id\":\"\xFF\"}", R"({"a":{"id":1}})", R"("id")", "{id:1}", R"({'id':1})");
  CAPTURE(body);
  CHECK(scalar("/id", body) == std::nullopt);
}

TEST_CASE("json pointer: text that only looks like a document is none", "[base][json]") {
  CHECK_FALSE(base::is_json(std::string_view("{}\0", 3)));
  CHECK_FALSE(base::is_json(std::string_view("{}\0{", 4)));
  CHECK_FALSE(base::is_json(""));
  CHECK_FALSE(base::is_json("{} {}"));
  CHECK_FALSE(base::is_json("// comment\n{}"));
  CHECK_FALSE(base::is_json("[1,]"));
  CHECK_FALSE(base::is_json("NaN"));
  CHECK(base::is_json(" 1e999 "));
}

TEST_CASE("json pointer: of repeated names the last one counts", "[base][json]") {
  CHECK(scalar("/id", R"({"id":1,"id":2})") == "2");
  CHECK(scalar("/id", R"({"id":1,"\u0069d":2})") == "2");
  CHECK(scalar("/id", R"({"id":1,"id":null})") == std::nullopt);
  CHECK(scalar("/a/id", R"({"a":{"id":1},"a":{}})") == std::nullopt);
  CHECK(scalar("/a/id", R"({"a":{"id":1},"a":7})") == std::nullopt);
  CHECK(scalar("/a/id", R"({"a":{"id":1},"b":{"id":2}})") == "1");
}

TEST_CASE("json pointer: deep nesting and huge numbers elsewhere do no harm", "[base][json]") {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  CHECK(scalar("/id", R"({"id":"x","d":)" + deep + "}") == "x");
  CHECK(scalar("/id", R"({"d":)" + deep + R"(,"id":"x"})") == "x");
  CHECK(scalar("/id", R"({"n":1e999,"id":"x"})") == "x");
}

TEST_CASE("json pointer: half a surrogate pair spoils nothing but its own character",
          "[base][json]") {
  const std::string document = R"({"id":"evt_1","text":"cut \ud83d","n":1.50})";
  CHECK(base::is_json(document));
  CHECK(base::json_scalar_at(document, {"id"}) == "evt_1");
  CHECK(base::json_scalar_at(document, {"n"}) == "1.50");
  CHECK(base::json_scalar_at(document, {"text"}) == "cut \xED\xA0\xBD");
  CHECK(base::json_text_at(document, {"text"}) == R"("cut \ud83d")");
  CHECK(base::json_string(R"("\ud83d\ude00")") == "😀");
  CHECK(base::json_string(R"("\ude00\ud83d")") == "\uFFFD\uFFFD");
  CHECK(base::json_string(R"("\ud83d\ud83d\ude00")") == "\uFFFD😀");
  CHECK(base::json_string(R"("\uDBFFx\\ud83d\ud83d")") == "\uFFFDx\\ud83d\uFFFD");
  CHECK(base::json_scalar(R"("\ud800")") != base::json_scalar(R"("\ud801")"));
  CHECK(base::json_scalar(R"("\ufffd")") == "\uFFFD");
  CHECK(base::json_scalar(R"("\ude00\ud83d\ud83d\ude00")") == "\xED\xB8\x80\xED\xA0\xBD😀");
  CHECK_FALSE(base::is_json(R"({"text":"\ud83"})"));
  CHECK_FALSE(base::is_json(R"({"text":"\ud83d)"));
}

TEST_CASE("json pointer: the content of a string is what its escapes say", "[base][json]") {
  CHECK(base::json_string(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(base::json_string(R"("\u0041\u00e9\u20AC\uD83D\uDE00")") == "Aé€😀");
  CHECK(base::json_string(R"("\u007f\u0080\u07ff\u0800\uffff")") ==
        "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF");
  CHECK(base::json_string(R"("\ud800\udc00\udbff\udfff")") == "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  CHECK(base::json_string(R"("\u0000")") == std::string(1, '\0'));
  CHECK(base::json_string(R"("\\u0041")") == "\\u0041");
  CHECK(base::json_string(R"("")") == "");
}

TEST_CASE("json pointer: all members of one name at the top are found in place", "[base][json]") {
  const std::string_view body = R"({"p": 1,"q":{"p":2},"\u0070":[3, 4] , "p":null})";
  const auto found = base::json_members(body, "p");
  REQUIRE(found == std::vector<std::string_view>{"1", "[3, 4]", "null"});
  CHECK(found[1].data() == body.data() + body.find("[3"));
  CHECK(base::json_members(body, "x").empty());
  CHECK(base::json_members("[{\"p\":1}]", "p").empty());
  CHECK(base::json_members("7", "p").empty());
  CHECK(base::json_members("\xEF\xBB\xBF{\"p\":1}", "p") == std::vector<std::string_view>{"1"});
}

TEST_CASE("json pointer: it finds what nlohmann's own pointers find", "[base][json]") {
  Documents documents(20261124);
  int found = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto document = documents.value(4);
    const auto text = documents.some_pointer();
    CAPTURE(round, document, text);
    const auto tree = json::parse(document);
    REQUIRE(base::is_json(document));
    const auto* theirs = at_their_pointer(tree, text);
    const auto ours = base::json_text_at(document, pointer(text));
    REQUIRE(ours.has_value() == (theirs != nullptr));
    if (!ours) continue;
    ++found;
    REQUIRE(json::parse(*ours) == *theirs);
    const auto content = base::json_scalar_at(document, pointer(text));
    REQUIRE(content.has_value() == (theirs->is_string() || theirs->is_number()));
    if (theirs->is_string()) REQUIRE(*content == theirs->get<std::string>());
    if (theirs->is_number()) REQUIRE(*content == *ours);
  }
  CHECK(found > 2'000);
}

TEST_CASE("json: the same document is judged alike on both sides of 64 KiB", "[base][json]") {
  for (const std::size_t bytes : {65'535U, 65'536U, 65'537U}) {
    CAPTURE(bytes);
    const std::string good = "[\"" + std::string(bytes - 4, 'x') + "\"]";
    REQUIRE(good.size() == bytes);
    CHECK(base::is_json(good));
    CHECK(text_at("/0", good)->size() == bytes - 2);
    CHECK_FALSE(base::is_json(good.substr(0, bytes - 1)));
    std::string bad = good;
    bad[bytes / 2] = '\x01';
    CHECK_FALSE(base::is_json(bad));
  }
}

TEST_CASE("json pointer: a string of nothing but escapes is stepped over once", "[base][json]") {
  // A step that looked for the end anew at each escape would take hours for this.
  std::string escapes;
  for (int i = 0; i < 1'000'000; ++i) escapes += R"(\")";
  CHECK(scalar("/id", "{\"a\":\"" + escapes + "\",\"id\":7}") == "7");
}

TEST_CASE("json pointer: damaged documents are told and never read past their end",
          "[base][json]") {
  Documents documents(42);
  for (int round = 0; round < 20'000; ++round) {
    auto document = documents.value(4);
    const auto at = documents.below(document.size());
    const auto damage = documents.below(3);
    if (damage == 0) document.resize(at);
    if (damage == 1) document.erase(at, 1);
    if (damage == 2) document[at] = "{}[],:\"\\x1 \n"[documents.below(12)];
    CAPTURE(round, document);
    const bool valid = base::is_json(document);
    // Half a surrogate pair is JSON, and the one thing that the other parser does not take.
    const bool halved = valid && document.contains("\\u");
    REQUIRE((halved || valid == json::accept(document)));
    const auto at_pointer = pointer(documents.some_pointer());
    if (!valid) REQUIRE_FALSE(base::json_scalar_at(document, at_pointer));
    // Even outside of its promise it must stay inside of its text: sanitizers watch.
    const std::string exact(document);
    static_cast<void>(base::json_text_at(exact, at_pointer));
  }
}
