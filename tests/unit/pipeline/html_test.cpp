#include "src/pipeline/html.hpp"

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
using namespace manifill::pipeline;

TEST_CASE("base64 of RFC 4648, section 10", "[pipeline]") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64(std::string("\xff\xfe\x00\x80", 4)) == "//4AgA==");
}

TEST_CASE("text is written out, empty columns are left out", "[pipeline]") {
  CHECK(escaped("a<b & \"c\">") == "a&lt;b &amp; &quot;c&quot;&gt;");
  const auto table = html_table({"name", "none", "value"}, {{"a", "", "1"}, {"b", "", ""}});
  CHECK(table.find("none") == std::string::npos);
  CHECK(table.find("<td class=\"words\">a</td><td>1</td>") != std::string::npos);
  CHECK(table.find("<td class=\"words\">b</td><td></td>") != std::string::npos);
  CHECK(html_page("x < y", "<p>z</p>").find("<title>x &lt; y</title>") != std::string::npos);
  CHECK_THROWS_AS(html_figure("/nowhere/picture.png", ""), Error);
}
