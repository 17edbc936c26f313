// Regression: where targets come from, how they are scaled, and what is refused.
#include <gtest/gtest.h>

#include "data/scratch_folder.h"
#include "lathe/base/error.h"
#include "lathe/data/dataset.h"

namespace lathe::data {
namespace {

DatasetRequest regression(const std::string& name, std::vector<std::string> targets = {}) {
  return {.name = name, .task = Task::kRegression, .targets = std::move(targets)};
}

std::string message_of(const DatasetRequest& request) {
  try {
    load_dataset(request);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Rows `a = i, b = 2 i + 1, label = i / 2` as text.
std::string table(int rows) {
  std::string text = "a,b,label\n";
  for (int i = 0; i < rows; ++i) {
    text += std::to_string(i) + "," + std::to_string(2 * i + 1) + "," + std::to_string(i * 0.5) + "\n";
  }
  return text;
}

class TargetTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) { return folder_.write(name, text).string(); }

 private:
  testing::ScratchFolder folder_;
};

TEST_F(TargetTest, ATableGivesItsLabelColumnOrTheNamedOnes) {
  const std::string path = write("t.csv", table(40));
  const auto label = load_dataset(regression(path));
  EXPECT_EQ(label->task, Task::kRegression);
  EXPECT_EQ(label->classes, 0);
  EXPECT_EQ(label->outputs(), 1);
  EXPECT_EQ(label->preprocessing.targets[0].name, "label");
  EXPECT_EQ(label->preprocessing.feature_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(label->train.labels.empty());
  EXPECT_EQ(label->train.rows() + label->validation.rows() + label->test.rows(), 40);
  const auto named = load_dataset(regression(path, {"b", "a"}));
  EXPECT_EQ(named->outputs(), 2);
  EXPECT_EQ(named->preprocessing.targets[1].name, "a");
  EXPECT_EQ(named->preprocessing.feature_names, (std::vector<std::string>{"label"}));
  EXPECT_NE(label->fingerprint.hash, named->fingerprint.hash);
  EXPECT_EQ(named->fingerprint.source, "CSV file, regression of b, a");
}

TEST_F(TargetTest, TargetsAreScaledByTheTrainingRows) {
  const std::string path = write("t.csv", table(200));
  const auto scaled = load_dataset(regression(path, {"b"}));
  double sum = 0, squares = 0;
  for (const float target : scaled->train.targets) sum += target, squares += static_cast<double>(target) * target;
  const auto rows = static_cast<double>(scaled->train.rows());
  EXPECT_NEAR(sum / rows, 0, 1e-6);
  EXPECT_NEAR(squares / rows, 1, 1e-6);
  DatasetRequest request = regression(path, {"b"});
  request.standardise_targets = false;
  const auto plain = load_dataset(request);
  EXPECT_EQ(plain->preprocessing.targets[0].mean, 0);
  EXPECT_EQ(plain->preprocessing.targets[0].deviation, 1);
  for (std::size_t i = 0; i < plain->train.targets.size(); ++i)
    EXPECT_NEAR(plain->train.targets[i],
                scaled->preprocessing.targets[0].mean +
                    scaled->preprocessing.targets[0].deviation * static_cast<double>(scaled->train.targets[i]),
                1e-3);
  EXPECT_NE(plain->fingerprint.hash, scaled->fingerprint.hash);
}

TEST_F(TargetTest, ColumnsOfAClassifiedSetMayBeTargets) {
  const auto dataset = load_dataset(regression("toy_tiny", {"f2"}));
  EXPECT_EQ(dataset->train.width, 3);
  EXPECT_EQ(dataset->train.outputs, 1);
  EXPECT_EQ(dataset->preprocessing.feature_names, (std::vector<std::string>{"f0", "f1", "f3"}));
  const auto classes = load_dataset({.name = "toy_tiny"});
  EXPECT_EQ(dataset->train.rows(), classes->train.rows());
  EXPECT_TRUE(dataset->preprocessing.class_names.empty());
}

TEST_F(TargetTest, SaysWhatCannotBeATarget) {
  EXPECT_EQ(message_of(regression("toy_tiny")),
            "targets: data set toy_tiny has classes and no targets: name the columns to predict, for example "
            "targets = [\"f0\"]; its columns are f0, f1, f2, f3");
  EXPECT_EQ(message_of(regression("toy_tiny", {"f0", "f0"})), "targets: the column \"f0\" is named twice");
  EXPECT_EQ(message_of(regression("toy_tiny", {"f0", "f1", "f2", "f3"})),
            "targets: all columns are targets; at least one must be left as a feature");
  const std::string path = write("t.csv", "a,b\n1,x\n2,y\n");
  EXPECT_EQ(message_of(regression(path)), path + ":2: column \"b\": expected a number; got \"x\"");
}

}  // namespace
}  // namespace lathe::data
