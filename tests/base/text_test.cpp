#include "base/text.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using namespace narrow;

TEST_CASE("in_quotes keeps names that a model may hold, whatever their language and length") {
  CHECK(base::in_quotes("layer1.0.conv1") == "'layer1.0.conv1'");
  CHECK(base::in_quotes("") == "''");
  CHECK(base::in_quotes("caf\xC3\xA9") == "'caf\xC3\xA9'");
  const std::string longest(base::kMaxTextBytes, 'x');
  CHECK(base::in_quotes(longest) == "'" + longest + "'");
}

TEST_CASE("in_quotes escapes and cuts names that a terminal would obey or that are not UTF-8") {
  CHECK(base::in_quotes("\x1b[31mred\n") == "'\\x1b[31mred\\x0a'");
  CHECK(base::in_quotes(std::string_view("a\0b", 3)) == "'a\\x00b'");
  CHECK(base::in_quotes("\xFF") == "'\\xff'");
  CHECK(base::in_quotes("\xC2\x9B") == "'\\xc2\\x9b'");
  CHECK(base::in_quotes(std::string(base::kMaxTextBytes + 1, 'x')) == "'" + std::string(120, 'x') + "...'");
}

TEST_CASE("text is UTF-8 without control characters and of bounded length") {
  for (const char* good :
       {"", "conv1", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\xB8", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    CHECK(base::text_problem(good).empty());
  }
  for (const char* bad : {"\x80", "\xC3", "\xC1\xBF", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "a\tb", "\x7F", "\xC2\x85"}) {
    CAPTURE(std::strlen(bad));
    CHECK_FALSE(base::text_problem(bad).empty());
  }
  CHECK_FALSE(base::text_problem(std::string_view("a\0b", 3)).empty());
  CHECK(base::text_problem(std::string(base::kMaxTextBytes, 'x')).empty());
  CHECK_FALSE(base::text_problem(std::string(base::kMaxTextBytes + 1, 'x')).empty());
}

TEST_CASE("numbers keep six digits and shapes their order") {
  CHECK(base::number_text(1e-9) == "1e-09");
  CHECK(base::number_text(0.25) == "0.25");
  CHECK(base::number_text(1234567.0) == "1.23457e+06");
  CHECK(base::shape_text({2, 3, 4}) == "[2, 3, 4]");
  CHECK(base::dimensions_text({2, 3, 4}) == "2x3x4");
}

TEST_CASE("pieces of a message are joined, integers of every type in decimal") {
  CHECK(base::joined({}).empty());
  CHECK(base::joined({"", std::string(), std::string_view()}).empty());
  CHECK(base::joined({INT64_MIN, " ", INT64_MAX, " ", UINT64_MAX}) ==
        "-9223372036854775808 9223372036854775807 18446744073709551615");
  CHECK(base::joined({std::int8_t{-128}, ",", std::uint8_t{255}, ",", 0}) == "-128,255,0");
  CHECK(base::joined({std::string_view("a\0b", 3), std::string("c")}) == std::string("a\0bc", 4));
}

}  // namespace
