#include "lathe/data/text_table.h"

#include "data/scratch_folder.h"
#include "lathe/base/log.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::ScratchFolder;

const std::string kCure =
    "label = \"NAME\" names the column of the classes; numbers to predict need task = \"regression\"";

TableColumns last_is_label(const std::vector<std::string>& columns) {
  TableColumns chosen{.features = {}, .label = columns.size() - 1};
  for (std::size_t i = 0; i + 1 < columns.size(); ++i) chosen.features.push_back(i);
  return chosen;
}

TextTable csv(const ScratchFolder& folder, std::string_view text) {
  return read_csv(folder.write("t.csv", text), last_is_label);
}

std::string csv_error(const ScratchFolder& folder, std::string_view text) {
  const std::string path = folder.write("t.csv", text).string();
  const std::string error = error_text<DataError>([&] { read_csv(path, last_is_label); });
  return error.starts_with(path) ? error.substr(path.size()) : error;
}

TEST(ReadCsv, ReadsNamesNumbersAndSortedClasses) {
  const ScratchFolder folder;
  const TextTable table = csv(folder, "a,b,kind\n1,-2.5e1,w\n+3,4,g\r\n\n5,6,w\n");
  EXPECT_EQ(table.feature_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(table.classes, (std::vector<std::string>{"g", "w"}));
  EXPECT_EQ(table.samples.width, 2);
  EXPECT_EQ(table.samples.features, (std::vector<float>{1, -25, 3, 4, 5, 6}));
  EXPECT_EQ(table.samples.labels, (std::vector<std::int32_t>{1, 0, 1}));
}

TEST(ReadCsv, TakesWholeNumbersAsLabelsAndNeedsNoHeader) {
  const ScratchFolder folder;
  const TextTable table = csv(folder, "0.5,2\n1.5,0.0\n");
  EXPECT_EQ(table.feature_names, std::vector<std::string>{"f0"});
  EXPECT_TRUE(table.classes.empty());
  EXPECT_EQ(table.samples.labels, (std::vector<std::int32_t>{2, 0}));
}

TEST(ReadCsv, NumbersTooNearToZeroAreZeroInEverySpelling) {
  const ScratchFolder folder;
  const std::string zeros(400, '0');
  for (const std::string& number :
       {std::string("1e-400"), std::string("-1e-400"), std::string("1E-400"), "0." + zeros + "1", "-0." + zeros + "1E5",
        std::string("+1E-0400"), "1e-" + zeros + "999"})
    EXPECT_EQ(csv(folder, "a,b\n" + number + ",0\n").samples.features, std::vector<float>{0}) << number;
  for (const std::string& number : {std::string("1e400"), std::string("-1E+400"), "1" + zeros, "1" + zeros + "e-5"})
    EXPECT_NE(csv_error(folder, "a,b\n" + number + ",0\n").find("expected a finite number"), std::string::npos)
        << number;
}

TEST(ReadCsv, KnowsSemicolonsTabsAndQuotes) {
  const ScratchFolder folder;
  EXPECT_EQ(csv(folder, "a;b\n1.5;0\n").samples.features, std::vector<float>{1.5f});
  EXPECT_EQ(csv(folder, "a\tb\n1.5\t0\n").samples.features, std::vector<float>{1.5f});
  const TextTable quoted = csv(folder, "\"a, in m\",b\n\"1.5\",\"x, y\"\n");
  EXPECT_EQ(quoted.feature_names, std::vector<std::string>{"a, in m"});
  EXPECT_EQ(quoted.samples.features, std::vector<float>{1.5f});
  EXPECT_EQ(quoted.classes, std::vector<std::string>{"x, y"});
}

TEST(ReadCsv, QuotesCloseInTheirLine) {
  const std::string unclosed =
      "a quote that opens a field is not closed in its line; line breaks in quotes are not read";
  const ScratchFolder folder;
  EXPECT_EQ(csv_error(folder, "a,b,label\n1,2,\"x\n"), ":2: " + unclosed);
  EXPECT_EQ(csv_error(folder, "a,\"b,label\n1,2,x\n"), ":1: " + unclosed);
}

TEST(ReadCsv, ReportsLineAndColumn) {
  const ScratchFolder folder;
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,2,0\n1,x,0\n"), ":3: column \"b\": expected a number; got \"x\"");
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,2,0\n\n1,nan,0\n"), ":4: column \"b\": expected a finite number; got \"nan\"");
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,1e300,0\n"), ":2: column \"b\": expected a finite number; got \"1e300\"");
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,,0\n"), ":2: column \"b\": expected a number; got \"\"");
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,2,\n"), ":2: column \"y\": the label is missing");
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,2,0\n1,2\n3,4,1\n"), ":3: has 2 fields; expected 3");
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,2,0\n1,2"),
            ":3: has 2 fields; expected 3 (the last line, without an end: is the file truncated?)");
  EXPECT_EQ(csv_error(folder, "a,b,y\n1,2,-1\n"),
            ": column \"y\": label -1 is out of range; labels count from 0; " + kCure);
  EXPECT_EQ(csv_error(folder, "a,b,y\n1," + std::string(100, 'x') + ",0\n"),
            ":2: column \"b\": expected a number; got \"" + std::string(60, 'x') + "...\"");
  EXPECT_EQ(csv_error(folder, "a,b,y\n"), ": has no rows");
  EXPECT_EQ(csv_error(folder, ""), ": is empty");
}

TEST(ReadCsv, RefusesTooManyClasses) {
  const ScratchFolder folder;
  std::string text = "a,y\n";
  for (int i = 0; i <= 10'000; ++i) text += fmt::format("1,c{}\n", i);
  EXPECT_EQ(
      csv_error(folder, text),
      ":10002: column \"y\": more than 10000 different labels; is this the column of the classes? (" + kCure + ")");
}

TEST(ReadCsv, ReportsProgress) {
  const ScratchFolder folder;
  std::string text = "a,y\n";
  for (int i = 0; i < 70'000; ++i) text += "1,0\n";
  std::vector<double> shares;
  read_csv(folder.write("t.csv", text), last_is_label, [&](double share) { shares.push_back(share); });
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_GT(shares[1], shares[0]);
  EXPECT_LE(shares[1], 1.0);
}

constexpr std::string_view kArff =
    "% a comment\n@RELATION 'jets'\n\n@ATTRIBUTE zlogz REAL\n@attribute 'c 1' NUMERIC\n@ATTRIBUTE class {g, 'q'}\n"
    "@DATA\n% another\n-1.5, 2, g\n0,1,'q'\n";

TEST(ReadArff, ReadsAttributesAndRows) {
  const ScratchFolder folder;
  const TextTable table = read_arff(folder.write("t.arff", kArff), last_is_label);
  EXPECT_EQ(table.feature_names, (std::vector<std::string>{"zlogz", "c 1"}));
  EXPECT_EQ(table.classes, (std::vector<std::string>{"g", "q"}));
  EXPECT_EQ(table.samples.features, (std::vector<float>{-1.5f, 2, 0, 1}));
  EXPECT_EQ(table.samples.labels, (std::vector<std::int32_t>{0, 1}));
}

TEST(ReadArff, ReportsWhatIsWrong) {
  const ScratchFolder folder;
  const auto arff_error = [&](std::string_view text) {
    const std::string path = folder.write("t.arff", text).string();
    return error_text<DataError>([&] { read_arff(path, last_is_label); }).substr(path.size());
  };
  EXPECT_EQ(arff_error(std::string(kArff) + "?,1,g\n"), ":11: column \"zlogz\": expected a number; got \"?\"");
  EXPECT_EQ(arff_error(std::string(kArff) + "{0 1, 2 g}\n"), ":11: sparse rows ({index value, ...}) are not read");
  EXPECT_EQ(arff_error("@RELATION x\n@ATTRIBUTE a REAL\n"), ": has no rows (nothing after a @DATA line)");
  EXPECT_EQ(arff_error("<html>not found</html>"), ": is no ARFF file (it has no @ATTRIBUTE line)");
}

TEST(ReadCsv, NumbersThatCountUpAreNamesOfColumns) {
  const ScratchFolder folder;
  const log::Capture capture;
  const TextTable four = csv(folder, "0,1,2,3\n5,6,7,1\n5,6,7,0\n");
  EXPECT_EQ(four.feature_names, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(four.samples.rows(), 2);
  EXPECT_NE(capture.text().find("t.csv: the first line, 0 to 3, is read as names of the columns and as no row"),
            std::string::npos)
      << capture.text();
  EXPECT_EQ(csv(folder, "0,1,2\n0.5,6,1\n").samples.rows(), 1);
  EXPECT_EQ(csv(folder, "0,1\n-1,1\n").samples.rows(), 1);
  EXPECT_EQ(csv(folder, "0,1\n1,0\n").samples.rows(), 2) << "two numbers may well be a row";
  EXPECT_EQ(csv(folder, "1,2,3,4\n5,6,7,0\n").samples.rows(), 2) << "they count from 1";
  EXPECT_EQ(csv(folder, "0,1,2.0,3\n5,6,7,0\n").samples.rows(), 2) << "one is written as a number";
  EXPECT_EQ(csv_error(folder, "0,1,2\n5,6,1\n"),
            ":1: the line 0 to 2 could name the columns or be a row; write names with letters into it, or put another "
            "row first");
}

TEST(ReadCsv, ALabelThatIsCutOffIsRefused) {
  const ScratchFolder folder;
  EXPECT_EQ(csv_error(folder, "a,y\n1,gluon\n2,quark\n3,glu"),
            ":4: column \"y\": \"glu\" is the label of this row only and the beginning of \"gluon\" (the last line, "
            "without an end: is the file truncated?)");
  EXPECT_EQ(csv(folder, "a,y\n1,gluon\n2,quark\n3,quark").samples.rows(), 3);
  EXPECT_EQ(csv(folder, "a,y\n1,gluon\n2,glu\n3,glu").samples.rows(), 3);
  EXPECT_EQ(csv(folder, "a,y\n1,10\n2,10\n3,1").samples.rows(), 3);
}

TEST(ReadCsv, ManyColumnsAndLongFieldsTakeNoLongTime) {
  const ScratchFolder folder;
  std::string header, row;
  for (int i = 0; i < 200'000; ++i) header += fmt::format("c{},", i), row += "1,";
  EXPECT_EQ(csv(folder, header + "y\n" + row + "0\n").samples.width, 200'000);
  EXPECT_TRUE(csv_error(folder, "a,y\n1," + std::string(1'000'000, 'x') + "\n2\n").starts_with(":3: has 1 fields"));
}

TEST(ReadArff, UndeclaredValuesAreRefused) {
  const ScratchFolder folder;
  const auto error_of = [&](std::string_view rows) {
    const std::string path =
        folder
            .write("t.arff",
                   fmt::format("@RELATION r\n@ATTRIBUTE a NUMERIC\n@ATTRIBUTE 'b c' {{0, 1}}\n@ATTRIBUTE class "
                               "{{gluon,'quark'}}\n@DATA\n{}",
                               rows))
            .string();
    const std::string text = error_text<DataError>([&] { read_arff(path, last_is_label); });
    return text.starts_with(path) ? text.substr(path.size()) : text;
  };
  EXPECT_EQ(error_of("1,0,gluon\n2,1.0,quark\n"), "<no error>");
  EXPECT_EQ(error_of("1,0,gluon\n2,1,qark\n"),
            ":7: column \"class\": \"qark\" is not among the values that @ATTRIBUTE declares: gluon, quark");
  EXPECT_EQ(error_of("1,0,quark\n2,1,glu"),
            ":7: column \"class\": \"glu\" is not among the values that @ATTRIBUTE declares: gluon, quark (the last "
            "line, without an end: is the file truncated?)");
  EXPECT_EQ(error_of("1,2,gluon\n"),
            ":6: column \"b c\": \"2\" is not among the values that @ATTRIBUTE declares: 0, 1");
}

TEST(ReadColumnNames, ReadsOnlyTheHeader) {
  const ScratchFolder folder;
  EXPECT_EQ(read_column_names(folder.write("t.arff", kArff)), (std::vector<std::string>{"zlogz", "c 1", "class"}));
  EXPECT_EQ(read_column_names(folder.write("t.csv", "a,b\n1,2\n")), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(read_column_names(folder.write("t.bin", "a,b\n1,2\n")).empty());
}

}  // namespace
}  // namespace lathe::data
