#include "lathe/base/visible.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Visible, LeavesTextAsItIs) {
  const std::string text = "seq_blocks_2 × 0.5: é, 网络, 🙂\n\tnext line";
  EXPECT_EQ(visible(text), text);
  EXPECT_EQ(visible_line("a\tb\nc"), "a\\tb\\nc");
}

TEST(Visible, WritesOutWhatATerminalActsOn) {
  EXPECT_EQ(visible("a\x01\x1b[31mred\r\x7f"), "a\\x01\\x1b[31mred\\x0d\\u007f");
  EXPECT_EQ(visible("\xc2\x9b[2J"), "\\u009b[2J");              // the control sequence introducer of 8 bits
  EXPECT_EQ(visible("\xe2\x80\xaegpj.exe"), "\\u202egpj.exe");  // right to left
  EXPECT_EQ(visible(std::string_view("\0x", 2)), "\\x00x");
}

TEST(Visible, WritesOutWhatIsNoUtf8) {
  EXPECT_EQ(visible("\xff\xfe"
                    "a"),
            "\\xff\\xfea");
  EXPECT_EQ(visible("\xc3"), "\\xc3");                    // cut off
  EXPECT_EQ(visible("\xc0\xaf"), "\\xc0\\xaf");           // longer than needed
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a pair
  EXPECT_TRUE(is_utf8("é网🙂"));
  EXPECT_FALSE(is_utf8("a\xffz"));
}

}  // namespace
}  // namespace lathe
