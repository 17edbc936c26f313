// What travels with the weights: it is filled by every reader, and comes back from its text exactly.
#include "lathe/data/preprocessing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <limits>

#include "data/scratch_folder.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/data/dataset.h"

namespace lathe::data {
namespace {

using testing::error_text;

std::string parse_error(const std::string& json) {
  return error_text<DataError>([&] { parse_preprocessing(json, "net.safetensors"); });
}

TEST(Preprocessing, ComesBackExactly) {
  const Preprocessing written{
      .feature_names = {"petal len", "petal/width", "\"quoted\"", "größe"},
      .channels_last = true,
      .divisor = 255,
      .scaling = {.mean = {0.1, -1.0 / 3, 1.6e9 + 1e-7, std::numeric_limits<double>::denorm_min()},
                  .deviation = {std::numeric_limits<float>::min(), 2.0 / 3, 5e-324, 1.7e308},
                  .pooled = 1024},
      .targets = {{.name = "yield", .mean = 0.1 + 0.2, .deviation = static_cast<double>(0.1f)}, {.name = "unscaled"}},
      .class_names = {"setosa", ""},
      .label = "species"};
  EXPECT_EQ(parse_preprocessing(to_json(written), "x"), written);
  EXPECT_EQ(parse_preprocessing(to_json(Preprocessing{}), "x"), Preprocessing{});
  EXPECT_EQ(to_json(written).find('\n'), std::string::npos);
}

TEST(Preprocessing, SaysWhatIsWrongWithItsText) {
  EXPECT_EQ(parse_error("{").substr(0, 52), "net.safetensors: its preprocessing cannot be read: [");
  EXPECT_EQ(parse_error("[]").substr(0, 52), "net.safetensors: its preprocessing cannot be read: [");
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string json = to_json({.scaling = {.mean = {1}, .deviation = {2}}, .targets = {{.name = "t"}}});
    return parse_error(json.replace(json.find(from), from.size(), to));
  };
  const std::string used = "net.safetensors: its preprocessing cannot be used: ";
  EXPECT_EQ(changed("\"schema_version\":1", "\"schema_version\":2"),
            used + "its version 2 is newer than this lathe reads (1); use a newer lathe");
  EXPECT_EQ(changed("\"pooled\":1", "\"pooled\":1.5"), used + "\"pooled\" must be a whole number");
  EXPECT_EQ(changed("\"pooled\":1", "\"pooled\":-1"), used + "\"pooled\" must be at least 1");
  EXPECT_EQ(changed("\"pooled\":1", "\"pooled\":1e300"), used + "\"pooled\" must be a whole number");
  EXPECT_EQ(changed("[2.0]", "[0]"), used + "deviations must be above 0");
  EXPECT_EQ(changed("[2.0]", "[1, 2]"), used + "there must be as many means as deviations");
  EXPECT_EQ(changed("\"divisor\":1.0", "\"divisor\":0"), used + "the divisor must be above 0");
  EXPECT_EQ(changed("\"deviation\":1.0", "\"deviation\":-1"), used + "the deviation of a target must be above 0");
  for (const char* wrong : {"[1e999]", "[\"a\"]", "null", "[null]"})
    EXPECT_EQ(changed("[1.0]", wrong).substr(0, 51), "net.safetensors: its preprocessing cannot be read: ") << wrong;
}

TEST(Preprocessing, NamesBecomeUtf8) {
  EXPECT_EQ(as_utf8("größe"), "größe");
  EXPECT_EQ(as_utf8("gr\xF6\xDF"
                    "e"),
            "größe");
  EXPECT_EQ(as_utf8("a\xED\xA0\x80"), "aí\xC2\xA0\xC2\x80");  // half a surrogate pair is no UTF-8
  EXPECT_EQ(as_utf8("cut \xC3"), "cut Ã");
}

class PreprocessingOfFiles : public ::testing::Test {
 protected:
  testing::ScratchFolder folder_;
};

// Column a is 3, 5, 7, ..., column b constant; the first line of the file names them.
std::string table(int rows) {
  std::string text = "a,\"b (cm)\",species\n";
  for (int i = 0; i < rows; ++i)
    text += fmt::format("{},4,{}\n", 3 + 2 * i,
                        i % 2 == 0 ? "wolf"
                                   : "f\xFC"
                                     "chs");
  return text;
}

TEST_F(PreprocessingOfFiles, HoldsTheScalingOfTheTrainingRows) {
  const std::string path = folder_.write("t.csv", table(50)).string();
  const auto raw = load_dataset({.name = path, .standardise = false});
  EXPECT_TRUE(raw->preprocessing.scaling.empty());
  EXPECT_FALSE(raw->preprocessing.changes_rows());
  const auto dataset = load_dataset({.name = path});
  const Preprocessing& done = dataset->preprocessing;
  EXPECT_EQ(done.feature_names, (std::vector<std::string>{"a", "b (cm)"}));
  EXPECT_EQ(done.class_names, (std::vector<std::string>{"füchs", "wolf"}));
  EXPECT_EQ(done.scaling.pooled, 1u);
  EXPECT_EQ(done.scaling.mean[1], 4);
  EXPECT_EQ(done.scaling.deviation[1], 1);  // constant
  EXPECT_TRUE(done.changes_rows());
  std::vector<float> rows = raw->test.features;
  apply_scaling(done.scaling, rows);
  EXPECT_EQ(rows, dataset->test.features);
}

TEST_F(PreprocessingOfFiles, HoldsTheScalingOfTargets) {
  std::string text = "a,b\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("{},{}\n", i, 100 - 3 * i);
  const std::string path = folder_.write("t.csv", text).string();
  const auto dataset = load_dataset({.name = path, .task = Task::kRegression, .targets = {"b"}});
  ASSERT_EQ(dataset->preprocessing.targets.size(), 1u);
  EXPECT_EQ(dataset->preprocessing.targets[0].name, "b");
  EXPECT_GT(dataset->preprocessing.targets[0].deviation, 10);
  EXPECT_TRUE(dataset->preprocessing.changes_targets());
  EXPECT_TRUE(dataset->preprocessing.class_names.empty());
  const auto plain =
      load_dataset({.name = path, .task = Task::kRegression, .targets = {"b"}, .standardise_targets = false});
  EXPECT_FALSE(plain->preprocessing.changes_targets());
}

TEST_F(PreprocessingOfFiles, ImagesAreScaledByChannelAndDivided) {
  std::string records;
  for (int row = 0; row < 10; ++row) {
    records += static_cast<char>(row);
    for (int i = 0; i < 3 * 32 * 32; ++i) records += static_cast<char>((7 * row + i) % 256);
  }
  const std::string path = folder_.write("part.bin", records).string();
  const auto dataset = load_dataset({.name = "cifar10", .data_dir = path});
  const Preprocessing& done = dataset->preprocessing;
  EXPECT_EQ(done.divisor, 255);
  EXPECT_EQ(done.scaling.mean.size(), 3u);
  EXPECT_EQ(done.scaling.pooled, 1024u);
  EXPECT_EQ(done.scaling.width(), 3072u);
  EXPECT_TRUE(done.feature_names.empty());
  EXPECT_EQ(done.class_names[9], "truck");
}

TEST_F(PreprocessingOfFiles, TextsHaveNone) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += fmt::format("sentence {}\t{}\n", i, i % 2 == 0 ? "good" : "bad");
  const auto dataset = load_dataset({.name = folder_.write("s.tsv", text).string()});
  EXPECT_FALSE(dataset->preprocessing.changes_rows());
  EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"bad", "good"}));
}

// Rows of a table with the columns in the order wanted: a is 10 i, b is i % 3, and the name of the class goes with b.
std::string table_of(const std::vector<std::string>& columns, const std::vector<std::string>& classes) {
  std::string text = fmt::format("{},class\n", fmt::join(columns, ","));
  for (int i = 0; i < 60; ++i) {
    for (const std::string& column : columns) text += fmt::format("{},", column == "a" ? 10 * i : i % 3);
    text += classes[static_cast<std::size_t>(i) % classes.size()] + "\n";
  }
  return text;
}

class TrainedRows : public PreprocessingOfFiles {
 protected:
  std::shared_ptr<const Dataset> load(const std::string& text, DatasetRequest request = {}) const {
    request.name = folder_.write("t.csv", text).string();
    return load_dataset(request);
  }
  /// Loads rows as weights know them that were trained on `trained`.
  std::shared_ptr<const Dataset> load_as(const std::string& trained, const std::string& text,
                                         bool keep_classes = true) const {
    DatasetRequest request;
    request.trained = std::make_shared<const Preprocessing>(load(trained)->preprocessing);
    request.keep_classes = keep_classes;
    return load(text, request);
  }
};

TEST_F(TrainedRows, KeepTheirScaling) {
  const std::string trained = table_of({"a", "b"}, {"x", "y", "z"});
  std::string other = "a,b,class\n";
  for (int i = 0; i < 20; ++i) other += fmt::format("{},1,y\n", 300 + i);
  const auto rows = load_as(trained, other);
  EXPECT_EQ(rows->preprocessing, load(trained)->preprocessing);
  EXPECT_NEAR(rows->test.features[0], (310 - 295) / 173.0, 0.2);
  EXPECT_EQ(rows->test.labels[0], 1);
  EXPECT_EQ(load_as(trained, trained)->fingerprint.hash, load(trained)->fingerprint.hash);
  DatasetRequest unscaled;
  unscaled.standardise = false;
  unscaled.trained = std::make_shared<const Preprocessing>(load(trained)->preprocessing);
  EXPECT_EQ(load(trained, unscaled)->fingerprint.hash, load(trained)->fingerprint.hash);
}

TEST_F(TrainedRows, ColumnsAndClassesAreTakenByName) {
  const std::string trained = table_of({"a", "b"}, {"x", "y", "z"});
  const auto expected = load(trained);
  for (const std::vector<std::string>& columns :
       {std::vector<std::string>{"b", "a"}, std::vector<std::string>{"id", "b", "a"}}) {
    const auto rows = load_as(trained, table_of(columns, {"x", "y", "z"}));
    EXPECT_EQ(rows->test.features, expected->test.features);
    EXPECT_EQ(rows->preprocessing, expected->preprocessing);
  }
  // Only two of the classes: their labels are those of training all the same.
  const auto two = load_as(trained, table_of({"a", "b"}, {"z", "y"}));
  EXPECT_EQ(two->classes, 3);
  for (std::size_t row = 0; row < two->test.labels.size(); ++row) EXPECT_GE(two->test.labels[row], 1);
}

TEST_F(TrainedRows, NamesThatLookMadeUpAreNamesWhereTheFileHasThem) {
  const auto table = [](const std::string& header, bool turned) {
    std::string text = header;
    for (int i = 0; i < 60; ++i)
      text +=
          turned ? fmt::format("{},{},{}\n", i % 3, 10 * i, i % 2) : fmt::format("{},{},{}\n", 10 * i, i % 3, i % 2);
    return text;
  };
  const std::string by_name = "features are taken by name", by_place = "they are taken by their place";
  const auto said = [&](const std::string& trained, const std::string& rows, const std::string& features_of) {
    const auto expected = load(features_of);
    const log::Capture capture;
    EXPECT_EQ(load_as(trained, rows)->test.features, expected->test.features);
    return capture.text();
  };
  const std::string plain = table("f0,f1,kind\n", false), turned = table("f1,f0,kind\n", true);
  EXPECT_NE(said(plain, turned, plain).find(by_name), std::string::npos);
  EXPECT_NE(said(turned, plain, turned).find(by_name), std::string::npos);
  EXPECT_EQ(said(plain, plain, plain).find("are taken"), std::string::npos);
  // A file without names is taken by place, and that is said where the weights know names.
  const std::string nameless = table("", false);
  EXPECT_EQ(said(plain, nameless, plain).find("are taken"), std::string::npos);
  EXPECT_NE(said(table("f1,f0,kind\n", false), nameless, plain).find(by_place), std::string::npos);
  EXPECT_NE(said(table("a,b,kind\n", false), nameless, plain).find(by_place), std::string::npos);
  EXPECT_NE(said(nameless, table("a,b,kind\n", false), plain).find(by_place), std::string::npos);
}

TEST_F(TrainedRows, ManyColumnsThatAreNotUsedAreCounted) {
  std::vector<std::string> columns = {"b", "a"};
  for (int i = 0; i < 20; ++i) columns.push_back(fmt::format("more{}", i));
  const std::string trained = table_of({"a", "b"}, {"x", "y"});
  const log::Capture capture;
  load_as(trained, table_of(columns, {"x", "y"}));
  EXPECT_NE(capture.text().find("not used: more0, more1, more2, more3, more4, more5, more6, more7, more8, more9 and 10 "
                                "more"),
            std::string::npos)
      << capture.text();
}

TEST_F(TrainedRows, NumbersCountTheClassesOfTraining) {
  const auto rows = load_as(table_of({"a", "b"}, {"x", "y", "z"}), table_of({"a", "b"}, {"0", "1"}));
  EXPECT_EQ(rows->preprocessing.class_names, (std::vector<std::string>{"x", "y", "z"}));
  EXPECT_EQ(rows->classes, 3);
  // Rows to test with need not be of every class.
  EXPECT_EQ(load_as(table_of({"a", "b"}, {"x", "y", "z"}), table_of({"a", "b"}, {"1", "2"}))->classes, 3);
}

TEST_F(TrainedRows, UnknownClassesAreRefusedOrLearned) {
  const std::string trained = table_of({"a", "b"}, {"x", "y"}), other = table_of({"a", "b"}, {"y", "new"});
  EXPECT_EQ(error_text<UserError>([&] { load_as(trained, other); }),
            "dataset: the class \"new\" of these rows is none of those that the weights were trained on: x, y");
  EXPECT_EQ(load_as(trained, other, false)->preprocessing.class_names, (std::vector<std::string>{"new", "y"}));
  // Weights that know their classes by number only cannot be told those names.
  const std::string numbered = table_of({"a", "b"}, {"0", "1"});
  EXPECT_NE(error_text<UserError>([&] { load_as(numbered, other); }), "<no error>");
}

TEST_F(TrainedRows, TheColumnThatWasLearnedIsTakenByItsName) {
  std::string trained = "a,kind,b\n", turned = "kind,b,a\n", numbers = "price,a,b\n", last = "a,b,price\n";
  for (int i = 0; i < 60; ++i) {
    const double a = i * 0.5, b = 60 - i;
    trained += fmt::format("{},{},{}\n", a, i % 2 == 0 ? "x" : "y", b);
    turned += fmt::format("{},{},{}\n", i % 2 == 0 ? "x" : "y", b, a);
    numbers += fmt::format("{},{},{}\n", 3 * a + b, a, b);
    last += fmt::format("{},{},{}\n", a, b, 3 * a + b);
  }
  DatasetRequest request;
  request.label = "kind";
  const auto first = load(trained, request);
  EXPECT_EQ(first->preprocessing.label, "kind");
  DatasetRequest other;
  other.trained = std::make_shared<const Preprocessing>(first->preprocessing);
  EXPECT_EQ(load(turned, other)->fingerprint.hash, first->fingerprint.hash);

  DatasetRequest regression;
  regression.task = Task::kRegression;
  regression.targets = {"price"};
  const auto prices = load(numbers, regression);
  regression.targets.clear();
  regression.trained = std::make_shared<const Preprocessing>(prices->preprocessing);
  EXPECT_EQ(load(last, regression)->fingerprint.hash, prices->fingerprint.hash);
}

TEST_F(TrainedRows, TargetsKeepTheirOrderAndUnits) {
  const std::string text = table_of({"a", "b", "c"}, {"1", "2"});
  const auto load_targets = [&](std::vector<std::string> targets, std::shared_ptr<const Preprocessing> trained) {
    DatasetRequest request{.name = {}, .task = Task::kRegression, .targets = std::move(targets)};
    request.trained = std::move(trained);
    return load(text, request);
  };
  const auto expected = load_targets({"a", "b"}, nullptr);
  const auto turned = load_targets({"b", "a"}, std::make_shared<const Preprocessing>(expected->preprocessing));
  EXPECT_EQ(turned->test.targets, expected->test.targets);
  EXPECT_EQ(turned->preprocessing, expected->preprocessing);
}

}  // namespace
}  // namespace lathe::data
