// Which column of a table is the class, and what is said about it.
#include "lathe/data/label_column.h"

#include "data/scratch_folder.h"
#include "lathe/base/log.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::ScratchFolder;
using Names = std::vector<std::string>;

std::size_t label_of(const DatasetRequest& request, const Names& columns) {
  return choose_columns(request, columns).label;
}

std::string user_error(const DatasetRequest& request, const Names& columns) {
  return error_text<UserError>([&] { choose_columns(request, columns); });
}

TEST(LabelColumn, IsTheOneOfTheUsualNamesInAnyCase) {
  for (const std::string name : {"label", "class", "target", "Label", "CLASS", "Target"})
    EXPECT_EQ(label_of({.name = "t.csv"}, {"a", name, "b"}), 1u) << name;
  EXPECT_EQ(choose_columns({.name = "t.csv"}, {"a", "Class", "b"}).features, (std::vector<std::size_t>{0, 2}));
}

TEST(LabelColumn, IsTheLastWhereNoneIsCalledSoAndTheLogSaysIt) {
  const log::Capture capture;
  EXPECT_EQ(label_of({.name = "t.csv"}, {"Survived", "Age", "SibSp"}), 2u);
  EXPECT_NE(capture.text().find("no column is called label, class or target: the last one, \"SibSp\", is taken as the "
                                "class; label = \"SibSp\" says so"),
            std::string::npos)
      << capture.text();
  EXPECT_EQ(label_of({.name = "t.csv", .label = "Survived"}, {"Survived", "Age", "SibSp"}), 0u);
  EXPECT_NE(capture.text().find("the class is column \"Survived\""), std::string::npos) << capture.text();
}

TEST(LabelColumn, IsNamedByNameIndexOrTargets) {
  const Names columns = {"a", "kind", "b", "1"};
  EXPECT_EQ(label_of({.name = "t.csv", .label = "kind"}, columns), 1u);
  EXPECT_EQ(label_of({.name = "t.csv", .label = "KIND"}, columns), 1u);
  EXPECT_EQ(label_of({.name = "t.csv", .label = "0"}, columns), 0u);
  EXPECT_EQ(label_of({.name = "t.csv", .label = "-2"}, columns), 2u);
  EXPECT_EQ(label_of({.name = "t.csv", .label = "1"}, columns), 3u) << "a name goes before an index";
  EXPECT_EQ(label_of({.name = "t.csv", .targets = {"kind"}}, columns), 1u);
  EXPECT_EQ(label_of({.name = "t.csv", .label = "kind", .targets = {"kind"}}, columns), 1u);
  EXPECT_EQ(label_of({.name = "t.csv", .label = "b"}, {"label", "b"}), 1u);
}

TEST(LabelColumn, ThatWasLearnedIsTakenWhereItsNameSaysWhich) {
  Preprocessing trained;
  trained.label = "kind";
  DatasetRequest request{.name = "t.csv", .trained = std::make_shared<const Preprocessing>(trained)};
  EXPECT_EQ(choose_columns(request, {"a", "kind", "label"}).label, 1u);
  EXPECT_EQ(choose_columns(request, {"a", "kind", "label", "kind"}).label, 2u);
  request.label = "a";
  EXPECT_EQ(choose_columns(request, {"a", "kind", "label"}).label, 0u);
}

TEST(LabelColumn, SaysWhatIsWrongWithTheChoice) {
  const Names columns = {"a", "target", "label"};
  EXPECT_EQ(
      user_error({.name = "t.csv"}, columns),
      "label: the columns \"target\" and \"label\" could both be meant; say which, for example label = \"label\"");
  EXPECT_EQ(user_error({.name = "t.csv", .task = Task::kRegression}, columns),
            "targets: the columns \"target\" and \"label\" could both be meant; say which, for example targets = "
            "[\"label\"]");
  EXPECT_EQ(user_error({.name = "t.csv"}, {"a", "label", "label"}),
            "label: the columns \"label\" and \"label\" could both be meant; say which, for example label = \"2\"");
  EXPECT_EQ(user_error({.name = "t.csv", .label = "lable"}, columns),
            "label: there is no column \"lable\"; did you mean \"label\"? (known: a, target, label)");
  EXPECT_EQ(user_error({.name = "t.csv", .label = "1000"}, columns),
            "label: there is no column \"1000\" (known: a, target, label)");
  EXPECT_EQ(user_error({.name = "t.csv", .label = "a", .targets = {"label"}}, columns),
            "label: says \"a\" and targets \"label\"; say one of them");
  EXPECT_EQ(user_error({.name = "t.csv", .targets = {"a", "label"}}, columns),
            "targets: names 2 columns, and a class is in one; several are predicted with task = \"regression\"");
  EXPECT_EQ(user_error({.name = "t.csv", .task = Task::kRegression, .label = "a"}, columns),
            "label: names the column of classes; regression predicts targets = [\"a\"]");
}

TEST(LabelColumn, MasesKeyTargetChoosesNone) {
  EXPECT_EQ(user_error({.name = "t.csv", .target_key = "quality"}, {"Quality", "a", "b"}),
            "target: is MASE's key for an FPGA part and chooses no column; say label = \"Quality\"");
  EXPECT_EQ(user_error({.name = "t.csv", .task = Task::kRegression, .target_key = "b"}, {"a", "b"}),
            "target: is MASE's key for an FPGA part and chooses no column; say targets = [\"b\"]");
  EXPECT_EQ(label_of({.name = "t.csv", .target_key = "xcu250-figd2104-2L-e"}, {"a", "label"}), 1u);
}

class LabelledTable : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& header, const std::function<std::string(int)>& row,
                    int rows = 60) const {
    std::string text = header + "\n";
    for (int i = 0; i < rows; ++i) text += row(i) + "\n";
    return folder_.write(name, text).string();
  }
  ScratchFolder folder_;
};

TEST_F(LabelledTable, IsReadByTheNamedColumn) {
  const std::string path =
      write("t.csv", "Survived,Age,SibSp", [](int i) { return fmt::format("{},{},{}", i % 2, i * 0.5, i % 3); });
  const auto named = load_dataset({.name = path, .label = "survived"});
  EXPECT_EQ(named->classes, 2);
  EXPECT_EQ(named->preprocessing.feature_names, (Names{"Age", "SibSp"}));
  EXPECT_EQ(load_dataset({.name = path, .targets = {"Survived"}})->fingerprint.hash, named->fingerprint.hash);
  const auto last = load_dataset({.name = path});
  EXPECT_EQ(last->classes, 3);
  EXPECT_EQ(load_dataset({.name = path, .label = "-1"})->fingerprint.hash, last->fingerprint.hash);
}

TEST_F(LabelledTable, NumbersBetweenWholeOnesAreNoClasses) {
  const std::string path = write("t.csv", "a,b,price", [](int i) { return fmt::format("{},1,{}", i, i + 0.25); });
  const std::string expected = path +
                               ": column \"price\" holds numbers such as 0.25, which are no classes; label = \"NAME\" "
                               "names the column of the classes; numbers to predict need task = \"regression\"";
  EXPECT_EQ(error_text<DataError>([&] { load_dataset({.name = path}); }), expected);
  EXPECT_EQ(error_text<DataError>([&] { load_dataset({.name = path, .label = "price"}); }), expected);
  EXPECT_EQ(load_dataset({.name = path, .task = Task::kRegression})->preprocessing.targets[0].name, "price");
}

TEST_F(LabelledTable, AGuessedColumnWithAClassForMostRowsIsNone) {
  const std::string path =
      write("t.csv", "kind,a,name", [](int i) { return fmt::format("{},{},row {}", i % 2, i, i); });
  EXPECT_EQ(error_text<DataError>([&] { load_dataset({.name = path}); }),
            path +
                ": column \"name\", the last, would be 60 classes in 60 rows; label = \"NAME\" names the column of the "
                "classes; numbers to predict need task = \"regression\"");
  EXPECT_EQ(load_dataset({.name = path, .label = "name"})->classes, 60);
}

TEST_F(LabelledTable, OtherDataSetsHaveNoColumn) {
  EXPECT_EQ(error_text<UserError>([] { load_dataset({.name = "toy_tiny", .label = "f0"}); }),
            "label: chooses the column of the classes of a table (.csv, .tsv, .arff); the classes of data set toy_tiny "
            "are not in a column");
  EXPECT_EQ(
      error_text<UserError>([] { load_dataset({.name = "toy_tiny", .targets = {"f0"}}); }),
      "targets: chooses the columns that task = \"regression\" predicts, or the column of the classes of a table; "
      "the classes of data set toy_tiny are not in a column");
  const std::string path = folder_.write("X.npy", testing::npy_text<float>("<f4", "(10, 2)", std::vector<float>(20)));
  EXPECT_TRUE(
      error_text<UserError>([&] { load_dataset({.name = path, .label = "f0"}); }).starts_with("label: chooses"));
}

}  // namespace
}  // namespace lathe::data
