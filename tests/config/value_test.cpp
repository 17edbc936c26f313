#include "lathe/config/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "error_text.h"

namespace lathe::config {
namespace {

TEST(ParseText, KeepsTheOrderOfTheFileAndPositions) {
  const Value root = parse_text("zeta = 1\nalpha = [2, \"NA\"]\n[table.inner]\nkey = 0.5\n", "study.toml");
  ASSERT_EQ(root.as_table().size(), 3u);
  EXPECT_EQ(root.as_table()[0].name, "zeta");
  EXPECT_EQ(root.as_table()[1].name, "alpha");
  EXPECT_EQ(root.as_table()[2].name, "table");
  EXPECT_EQ(root.find("alpha")->as_array()[1].key(), "alpha[1]");
  EXPECT_TRUE(root.find("alpha")->as_array()[1].is_na());
  EXPECT_EQ(root.find_path("table.inner.key")->position(), (SourcePosition{"study.toml", 4, 7}));
  EXPECT_EQ(root.find_path("table.inner")->as_table()[0].key_position, (SourcePosition{"study.toml", 4, 1}));
  EXPECT_EQ(root.find_path("table.inner.key")->key(), "table.inner.key");
}

TEST(ParseText, KeepsTheOrderOfDottedKeys) {
  const Value root = parse_text("b.scale = 1.0\na.scale = -1.0\nb.direction = \"maximize\"\n", "x.toml");
  EXPECT_EQ(root.as_table()[0].name, "b");
  EXPECT_EQ(root.as_table()[0].value.as_table()[1].name, "direction");
  EXPECT_EQ(root.as_table()[1].name, "a");
}

TEST(ParseText, ReportsSyntaxErrorsWithLineAndColumn) {
  EXPECT_EQ(error_text([] { parse_text("a = 1\nb = \n", "study.toml"); }),
            "study.toml:2:5: not valid TOML (in key-value pair): expected value, saw '\\n'");
  EXPECT_EQ(error_text([] { parse_text("a = [1, 2\n", "study.toml"); }),
            "study.toml:1:11: not valid TOML (in array): encountered end-of-file");
  EXPECT_EQ(error_text([] { parse_text("a = 1\na = 2\n", "study.toml"); }),
            "study.toml:2:5: not valid TOML (in key-value pair): cannot redefine existing integer 'a'");
  EXPECT_EQ(error_text([] { parse_text("[a\n", "study.toml"); }),
            "study.toml:1:3: not valid TOML (in table header): expected ']', saw '\\n'");
  EXPECT_EQ(error_text([] { parse_text("a = \xff\n", "study.toml"); }),
            "study.toml:1:4: not valid TOML: Encountered invalid utf-8 sequence");
}

TEST(ParseText, RefusesDates) {
  EXPECT_EQ(error_text([] { parse_text("day = 2024-01-31\n", "study.toml"); }),
            "study.toml:1:7: day: dates and times are not used here; write text in quotes");
}

TEST(ParseFile, NamesAFileThatIsAbsentOrAFolder) {
  EXPECT_EQ(error_text([] { parse_file("/no/such/study.toml"); }), "/no/such/study.toml: there is no such file");
  EXPECT_EQ(error_text([] { parse_file("/"); }), "/: is a folder; a TOML file is needed");
}

TEST(Accessors, NamePositionKeyAndTheValueFound) {
  const Value root = parse_text("n_jobs = \"two\"\nx = 1.5\n[t]\ny = [1, 2]\n", "study.toml");
  EXPECT_EQ(error_text([&] { root.find("n_jobs")->as_integer(); }),
            "study.toml:1:10: n_jobs: expected an integer; got \"two\"");
  EXPECT_EQ(error_text([&] { root.find("x")->as_integer(); }), "study.toml:2:5: x: expected an integer; got 1.5");
  EXPECT_EQ(error_text([&] { root.find("t")->as_array(); }), "study.toml:3:1: t: expected a list; got a table");
  EXPECT_EQ(error_text([&] { root.find_path("t.y")->as_string(); }),
            "study.toml:4:5: t.y: expected a string; got [1, 2]");
  EXPECT_EQ(error_text([&] { root.find_path("t.y[1]")->as_boolean(); }),
            "study.toml:4:9: t.y[1]: expected true or false; got 2");
  EXPECT_EQ(root.find("n_jobs")->find("x"), nullptr);
  EXPECT_DOUBLE_EQ(root.find_path("t.y[0]")->as_number(), 1.0);
}

TEST(FindPath, FollowsQuotedNamesAndIndices) {
  const Value root = parse_text("[\"a.b\"]\nlayers = [{ out = 3 }, { out = 4 }]\n", "x.toml");
  const Value* found = root.find_path("\"a.b\".layers[1].out");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->as_integer(), 4);
  EXPECT_EQ(found->key(), "\"a.b\".layers[1].out");
  EXPECT_EQ(root.find_path("\"a.b\".layers[2].out"), nullptr);
  EXPECT_EQ(root.find_path("a.b"), nullptr);
  EXPECT_EQ(root.find_path(""), nullptr);
}

TEST(SetByPath, ReplacesInPlaceAndMakesTables) {
  Value root = parse_text("a = 1\nb = 2\n[c]\nd = 3\n", "x.toml");
  set_by_path(root, "a", "[1, 2]");
  set_by_path(root, "c.d", "4.5");
  set_by_path(root, "search.strategy.setup.n_trials", "50");
  EXPECT_EQ(root.as_table()[0].value.to_toml(), "[1, 2]");
  EXPECT_DOUBLE_EQ(root.find_path("c.d")->as_number(), 4.5);
  const Value* made = root.find_path("search.strategy.setup.n_trials");
  EXPECT_EQ(made->as_integer(), 50);
  EXPECT_EQ(made->key(), "search.strategy.setup.n_trials");
  EXPECT_EQ(error_text([&] { made->as_string(); }),
            "command line: search.strategy.setup.n_trials: expected a string; got 50");
}

TEST(SetByPath, TakesBareWordsAsStrings) {
  Value root;
  set_by_path(root, "sampler", "tpe");
  set_by_path(root, "project", "2024-01-31");
  set_by_path(root, "path", "/tmp/a b");
  set_by_path(root, "empty", "");
  set_by_path(root, "quoted", "\"5\"");
  set_by_path(root, "flag", "true");
  EXPECT_EQ(root.find("sampler")->as_string(), "tpe");
  EXPECT_EQ(root.find("project")->as_string(), "2024-01-31");
  EXPECT_EQ(root.find("path")->as_string(), "/tmp/a b");
  EXPECT_EQ(root.find("empty")->as_string(), "");
  EXPECT_EQ(root.find("quoted")->as_string(), "5");
  EXPECT_TRUE(root.find("flag")->as_boolean());
}

TEST(SetByPath, SetsElementsOfLists) {
  Value root = parse_text("[model]\nlayers = [{ out = 3 }, { out = 4 }]\n", "x.toml");
  set_by_path(root, "model.layers[1].out", "8");
  EXPECT_EQ(root.find_path("model.layers[1].out")->as_integer(), 8);
  EXPECT_EQ(error_text([&] { set_by_path(root, "model.layers[2].out", "8"); }),
            "x.toml:2:10: model.layers: has 2 elements; there is no [2]");
}

TEST(SetByPath, RefusesWhatIsNoKeyOrNoTable) {
  Value root = parse_text("model = \"jsc\"\n", "x.toml");
  EXPECT_EQ(error_text([&] { set_by_path(root, "a..b", "1"); }),
            "command line: \"a..b\" is not a key; write it as a.b.c, in quotes where a part is not a plain word: "
            "a.\"b.c\"");
  for (const char* bad : {"", ".", "a.", ".a", "a[", "a[]", "a[x]", "a\"b\"", "\"a"}) {
    EXPECT_NE(error_text([&] { set_by_path(root, bad, "1"); }), "") << bad;
  }
  EXPECT_EQ(error_text([&] { set_by_path(root, "model.layers", "1"); }),
            "x.toml:1:9: model: is not a table, so \"layers\" cannot be set inside it");
  EXPECT_EQ(error_text([&] { set_by_path(root, "a", "[1, 2"); }),
            "command line: a: not valid TOML (in array): encountered end-of-file");
}

// Repeats `text` so often, with `between` between each two.
std::string repeated(const std::string& text, int times, const std::string& between = "") {
  std::string all;
  for (int i = 0; i < times; ++i) all += (i == 0 ? "" : between) + text;
  return all;
}

TEST(Nesting, IsLimitedBeforeAnythingRecurses) {
  const std::string many = repeated("a", 100'000, "."), quoted = repeated("\"a.b\"", 100'000, " . ");
  const std::string expected = "nests deeper than 100 levels of tables and lists";
  for (const std::string& document :
       {"x = 1\n" + many + " = 1\n", "x = 1\n[" + many + "]\n", "x = 1\n[[" + many + "]]\n",
        "x = 1\n" + quoted + " = 1\n", "x = 1\ny = " + repeated("[", 100'000),
        "x = 1\ny = " + repeated("{a = ", 100'000), "x = 1\ny = [{" + many + " = 1}]\n"}) {
    const std::string text = error_text([&] { parse_text(document, "deep.toml"); });
    EXPECT_TRUE(text.starts_with("deep.toml:2:")) << text.substr(0, 100);
    EXPECT_TRUE(text.ends_with(expected)) << text.substr(0, 100);
  }
  Value root(Table{}, {}, {});
  EXPECT_EQ(error_text([&] { set_by_path(root, many, "1"); }), "command line: a: " + expected);
  EXPECT_EQ(error_text([&] { set_by_path(root, "a", repeated("[", 100'000)); }), "command line: a: " + expected);
  EXPECT_EQ(error_text([&] { set_by_path(root, "a", "{ " + many + " = 1 }"); }), "command line: a: " + expected);
}

TEST(Nesting, CountsHeadersKeysTablesAndListsTogether) {
  const auto fits = [](int header, int key, int lists) {
    const std::string document = "[" + repeated("h", header, ".") + "]\n" + repeated("k", key, ".") + " = " +
                                 repeated("[", lists) + "1" + repeated("]", lists) + "\n";
    return error_text([&] { parse_text(document, "x.toml"); }).empty();
  };
  EXPECT_TRUE(fits(50, 30, 19));
  EXPECT_FALSE(fits(50, 30, 21));
  EXPECT_FALSE(fits(50, 51, 0));
  EXPECT_FALSE(fits(101, 1, 0));
}

TEST(Nesting, DotsAndBracketsElsewhereAreNotCounted) {
  const std::string dots = repeated("a.", 1000), brackets = repeated("[{", 1000);
  const std::string document = "# " + dots + brackets + "\na = \"" + dots + brackets + "\\\"" + brackets + "\"\nb = '" +
                               dots + brackets + "\\'\nc = \"\"\"" + dots + "\n\"" + brackets + "\"\"\"\nd = '''" +
                               dots + "\n" + brackets + "'''\ne = [" + repeated("1.5, ", 1000) +
                               "{x.y = [1, 2], z = 3}]\n" + repeated("[s.t]\nu.v = {w = [1]}\n", 1);
  const Value root = parse_text(document, "x.toml");
  EXPECT_EQ(root.find_path("e[1000].x.y[1]")->as_integer(), 2);
  EXPECT_EQ(root.find_path("s.t.u.v.w[0]")->as_integer(), 1);
}

TEST(ToToml, PrintsValuesThatReadBack) {
  const double tiny = 5e-324;
  EXPECT_EQ(Value(1.0, {}, "").to_toml(), "1.0");
  EXPECT_EQ(Value(1e-5, {}, "").to_toml(), "1e-05");
  EXPECT_EQ(Value(std::numeric_limits<double>::infinity(), {}, "").to_toml(), "inf");
  EXPECT_EQ(Value(std::string("a\"\\\n\t\x01"), {}, "").to_toml(), "\"a\\\"\\\\\\n\\t\\u0001\"");
  const Value number = Value(tiny, {}, "");
  EXPECT_EQ(parse_text("x = " + number.to_toml(), "x").find("x")->as_number(), tiny);
}

TEST(ToTomlDocument, ReadsBackEqual) {
  const std::string text =
      "model = \"jsc-tiny\"\nlist = [1, \"NA\", 2.5, [true]]\n\"odd key\" = { a = 1 }\nempty = []\nlate.value = 3\n"
      "[search.search_space.seed.default.config]\nname = [\"NA\"]\n[search.strategy]\n[search.strategy.metrics]\n"
      "accuracy.scale = 1.0\naccuracy.direction = \"maximize\"\n[[steps]]\nx = 1\n[[steps]]\nx = 2\n";
  const Value root = parse_text(text, "a.toml");
  const std::string document = to_toml_document(root);
  const Value again = parse_text(document, "b.toml");
  EXPECT_EQ(to_toml_document(again), document);
  EXPECT_EQ(again.find_path("\"odd key\".a")->as_integer(), 1);
  EXPECT_EQ(again.find_path("late.value")->as_integer(), 3);
  EXPECT_EQ(again.find_path("steps[1].x")->as_integer(), 2);
  EXPECT_EQ(again.find_path("search.strategy.metrics.accuracy.direction")->as_string(), "maximize");
  EXPECT_EQ(again.find_path("list")->to_toml(), "[1, \"NA\", 2.5, [true]]");
}

}  // namespace
}  // namespace lathe::config
