#include "catch.hpp"

#include "src/plot/letters.hpp"

using namespace manifill::plot;

TEST_CASE("text becomes valid UTF-8 without control characters") {
  CHECK(valid_utf8("plain") == "plain");
  CHECK(valid_utf8("a\nb\tc") == "a b c");
  CHECK(valid_utf8("30\u00b0N \u2212 \U0001F30D") == "30\u00b0N \u2212 \U0001F30D");
  CHECK(valid_utf8("30\xb0N") == "30\u00b0N");                // Latin-1
  CHECK(valid_utf8("\xe2\x88") == "\u00e2\u0088");            // cut off
  CHECK(valid_utf8("\xc0\xaf") == "\u00c0\u00af");            // overlong
  CHECK(valid_utf8("\xed\xa0\x80") == "\u00ed\u00a0\u0080");  // surrogate
  CHECK(valid_utf8("").empty());
}

TEST_CASE("without fonts ASCII says the same") {
  CHECK(to_ascii("30\u00b0N") == "30N");
  CHECK(to_ascii("\u22122.5\u00d710\u207b\u00b3") == "-2.5x10^-3");
  CHECK(to_ascii("m s\u207b\u00b9") == "m s-1");
  CHECK(to_ascii("1951\u20131980\u2026") == "1951-1980...");
  CHECK(to_ascii("\u6e29") == "?");
}
