#include "app/markup.hpp"

#include <gtest/gtest.h>

namespace holdfast::app {
namespace {

TEST(Markup, EscapesWhatMeansSomething) {
  EXPECT_EQ(escaped("a<b>&\"c\"'d'"), "a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;");
  EXPECT_EQ(escaped("客户 −1 \xf0\x9f\x98\x80\n\t"), "客户 −1 \xf0\x9f\x98\x80\n\t");
  EXPECT_EQ(escaped(""), "");
}

TEST(Markup, ReplacesWhatXmlCannotHold) {
  const std::string gone = "\xef\xbf\xbd";
  EXPECT_EQ(escaped(std::string_view("\0\x01\x1f\r", 4)), gone + gone + gone + gone);
  EXPECT_EQ(escaped("a\xff"), "a" + gone);
  EXPECT_EQ(escaped("\xe5\xae"), gone + gone);  // Cut off.
  EXPECT_EQ(escaped("\xc0\xaf"), gone + gone);  // Overlong.
  EXPECT_EQ(escaped("\xe0\x80\xaf"), gone + gone + gone);
  EXPECT_EQ(escaped("\xed\xa0\x80"), gone + gone + gone);          // Half of a surrogate pair.
  EXPECT_EQ(escaped("\xef\xbf\xbf"), gone + gone + gone);          // No character.
  EXPECT_EQ(escaped("\xf4\x90\x80\x80").size(), 4 * gone.size());  // Beyond U+10FFFF.
  EXPECT_EQ(escaped("\xe5<"), gone + "&lt;");                      // What follows is not swallowed.
}

}  // namespace
}  // namespace holdfast::app
