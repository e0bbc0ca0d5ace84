#include "cli/output.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace holdfast::cli;
using namespace std::chrono_literals;

TEST_CASE("cli: text from outside cannot drive the terminal", "[cli][output]") {
  CHECK(printable("plain äöü 漢字 😀") == "plain äöü 漢字 😀");
  CHECK(printable("\x1b[2J\x1b]0;title\x07") == "\\x1b[2J\\x1b]0;title\\x07");
  CHECK(printable("a\nb\rc\td") == "a\\nb\\rc\\td");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(printable("\x7f") == "\\x7f");
  // C1 control characters, as a raw byte and as UTF-8.
  CHECK(printable("\x9b"
                  "31m") ==
        "\\x9b"
        "31m");
  CHECK(printable("\xc2\x9b"
                  "31m") ==
        "\\x9b"
        "31m");
  // Right-to-left override, zero-width space, byte order mark, tag characters.
  CHECK(printable("a\u202eb\u200bc\ufeffd\U000E0041") ==
        "a\\u{202e}b\\u{200b}c\\u{feff}d\\u{e0041}");
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
}

TEST_CASE("cli: a body keeps its lines and loses what else drives a terminal", "[cli][output]") {
  CHECK(printable_lines("a\n\tb\x1b[0m\r") == "a\n\tb\\x1b[0m\\r");
}

TEST_CASE("cli: text is cut and filled by characters", "[cli][output]") {
  CHECK(columns("äöü") == 3);
  CHECK(cut("abcdef", 6) == "abcdef");
  CHECK(cut("abcdef", 5) == "abcd…");
  CHECK(cut("äöüäöü", 3) == "äö…");
  CHECK(cut("abc", 1) == "…");
  CHECK(cut("abc", 0).empty());
  CHECK(pad("ä", 3) == "ä  ");
  CHECK(pad("abcd", 3) == "abcd");
}

TEST_CASE("cli: sizes and ages read well", "[cli][output]") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1536) == "1.5 KiB");
  CHECK(bytes_text(8589934592) == "8 GiB");
  CHECK(age_text(0ms) == "0s");
  CHECK(age_text(-5s) == "0s");
  CHECK(age_text(250ms) == "0.2s");
  CHECK(age_text(59s) == "59s");
  CHECK(age_text(125s) == "2m 5s");
  CHECK(age_text(2h + 3min) == "2h 3m");
  CHECK(age_text(75h) == "3d 3h");
}

TEST_CASE("cli: output that is no terminal is neither cut nor coloured", "[cli][output]") {
  // The test's own standard output is a pipe or file under ctest; with a terminal there is nothing
  // to say.
  const auto style = output_style();
  CHECK((style.width.has_value() || !style.colour));
}
