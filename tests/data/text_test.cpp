#include <map>
#include <set>

#include "data/scratch_folder.h"
#include "lathe/base/log.h"
#include "lathe/data/language_text.h"
#include "lathe/data/sentences.h"
#include "lathe/data/tokens.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;
using testing::error_text;
using testing::ScratchFolder;

// Makes a text in which every four bytes occur once: a byte of it tells where it stands.
std::string numbered_text(std::size_t words) {
  std::string text;
  for (std::size_t i = 0; i < words; ++i) {
    text += static_cast<char>(1 + i / 200 % 200);
    text += static_cast<char>(1 + i % 200);
    text += "\xff\xfe";
  }
  return text;
}

// Returns where in the text the bytes of a row with its last label stand.
std::size_t place_of(const std::string& text, const Samples& samples, std::int64_t row) {
  std::string bytes;
  for (std::int64_t i = 0; i < samples.width; ++i)
    bytes += static_cast<char>(samples.features[static_cast<std::size_t>(row * samples.width + i)]);
  bytes += static_cast<char>(samples.labels[static_cast<std::size_t>((row + 1) * samples.positions - 1)]);
  return text.find(bytes);
}

std::set<std::size_t> places_of(const std::string& text, const Samples& samples) {
  std::set<std::size_t> places;
  for (std::int64_t row = 0; row < samples.rows(); ++row) places.insert(place_of(text, samples, row));
  return places;
}

struct Sentences : ::testing::Test {
  DatasetRequest request(const fs::path& path) const { return {.name = path.string(), .max_token_len = 8}; }
  std::string error_of(const fs::path& path) const {
    const std::string text = error_text<DataError>([&] { load_dataset(request(path)); });
    return text.starts_with(path.string()) ? text.substr(path.string().size()) : text;
  }
  ScratchFolder folder_;
};
using LanguageText = Sentences;

TEST(Tokens, AreBytesCutOrFilled) {
  std::vector<float> row;
  append_tokens("a\xff\n", 5, row);
  append_tokens("abcdef", 2, row);
  EXPECT_EQ(row, (std::vector<float>{97, 255, 10, 0, 0, 97, 98}));
  const std::vector<std::string> names = byte_names();
  EXPECT_EQ(names.size(), 256u);
  EXPECT_EQ(names['a'], "'a'");
  EXPECT_EQ(names['\n'], "0x0a");
}

TEST_F(LanguageText, LabelsAreTheNextTokens) {
  const std::string text = numbered_text(2500);
  const fs::path file = folder_.write("text.txt", text);
  const auto dataset = load_dataset({.name = file.string(), .seed = 3, .language_modeling = true, .max_token_len = 16});
  EXPECT_EQ(dataset->classes, 256);
  EXPECT_EQ(dataset->vocabulary, 256);
  EXPECT_EQ(dataset->train.positions, 16);
  EXPECT_EQ(dataset->train.shape, (Shape{16}));
  for (const Samples* part : {&dataset->train, &dataset->validation, &dataset->test}) {
    ASSERT_EQ(part->labels.size(), part->features.size());
    EXPECT_TRUE(part->blocks.empty());
    for (std::int64_t row = 0; row < part->rows(); ++row) {
      const std::size_t place = place_of(text, *part, row);
      ASSERT_NE(place, std::string::npos);
      ASSERT_EQ(place % 16, 0u);
      for (std::size_t i = 0; i < 16; ++i) {
        const auto label = static_cast<char>(part->labels[static_cast<std::size_t>(row) * 16 + i]);
        ASSERT_EQ(label, text[place + i + 1]);
      }
    }
  }
}

TEST_F(LanguageText, PartsShareNoByte) {
  const std::string text = numbered_text(2500);  // 624 windows of 16
  const fs::path file = folder_.write("text.txt", text);
  DatasetRequest request{.name = file.string(), .seed = 5, .language_modeling = true, .max_token_len = 16};
  request.validation_rows = 50;
  const auto dataset = load_dataset(request);
  std::map<std::size_t, int> owner;
  int part_number = 0;
  for (const Samples* part : {&dataset->train, &dataset->validation, &dataset->test}) {
    ++part_number;
    for (const std::size_t place : places_of(text, *part)) {
      for (std::size_t i = place; i <= place + 16; ++i) {
        const int known = owner.emplace(i, part_number).first->second;
        ASSERT_EQ(known, part_number) << i;
      }
    }
  }
  EXPECT_EQ(dataset->validation.rows(), 50);
  EXPECT_EQ(dataset->test.rows(), 62);
  EXPECT_EQ(*places_of(text, dataset->test).begin(), (624u - 62) * 16);
  EXPECT_GE(dataset->train.rows(), 624 - 62 - 1 - 50 - 20);
  // Validation rows are contiguous blocks: most have a neighbour.
  const std::set<std::size_t> validation = places_of(text, dataset->validation);
  int alone = 0;
  for (const std::size_t place : validation)
    alone += !validation.contains(place + 16) && !validation.contains(place - 16);
  EXPECT_EQ(alone, 0);
}

TEST_F(LanguageText, FollowsTheSeed) {
  const fs::path file = folder_.write("text.txt", numbered_text(1000));
  DatasetRequest request{.name = file.string(), .seed = 1, .language_modeling = true, .max_token_len = 8};
  const auto first = load_dataset(request), again = load_dataset(request);
  request.seed = 2;
  const auto other = load_dataset(request);
  EXPECT_EQ(first->fingerprint.hash, again->fingerprint.hash);
  EXPECT_NE(first->validation.features, other->validation.features);
  EXPECT_EQ(first->test.features, other->test.features);
}

TEST_F(LanguageText, SaysWhatDoesNotWork) {
  DatasetRequest request{.name = folder_.write("short.txt", "too short").string(), .language_modeling = true};
  EXPECT_EQ(error_text<DataError>([&] { load_dataset(request); }),
            request.name + ": has 9 bytes, 0 windows of 128 tokens (max_token_len); at least 20 are needed");
  request.name = folder_.write("empty.txt", "").string();
  EXPECT_EQ(error_text<DataError>([&] { load_dataset(request); }),
            request.name + ": has 0 bytes, 0 windows of 128 tokens (max_token_len); at least 20 are needed");
  request.name = "toy_tiny";
  EXPECT_EQ(error_text<UserError>([&] { load_dataset(request); }),
            "task: language modelling learns from a text file (.txt); data set toy_tiny is none");
  request.name = folder_.path().string();
  EXPECT_EQ(error_text<DataError>([&] { load_dataset(request); }),
            request.name + ": is a folder; language modelling learns from one text file");
}

TEST_F(Sentences, EitherFieldMayBeTheSentence) {
  const fs::path first = folder_.write(
      "first.tsv", "sentence\tlabel\nvery good\t1\nso bad\t0\n\nnot good\t0\r\nfine it is\t1\nbad one\t0\n");
  const auto dataset = load_dataset(request(first));
  EXPECT_EQ(dataset->classes, 2);
  EXPECT_EQ(dataset->vocabulary, 256);
  EXPECT_EQ(dataset->train.shape, (Shape{8}));
  EXPECT_EQ(dataset->train.positions, 1);
  EXPECT_EQ(dataset->train.rows() + dataset->validation.rows() + dataset->test.rows(), 5);
  const fs::path second =
      folder_.write("second.txt", "pos\tvery good\nneg\tso bad\nneg\tnot good\npos\tfine it is\nneg\tbad one\n");
  const auto words = load_dataset(request(second));
  EXPECT_EQ(words->preprocessing.class_names, (std::vector<std::string>{"neg", "pos"}));
  EXPECT_EQ(words->test.features, dataset->test.features);
  EXPECT_EQ(words->test.labels, dataset->test.labels);
}

TEST_F(Sentences, FolderHoldsTheParts) {
  folder_.write("train.tsv", "a b\t0\nc d\t1\ne f\t2\ng h\t0\ni j\t1\n");
  folder_.write("dev.tsv", "k l\t2\n");
  folder_.write("test.tsv", "much longer than eight\t1\nm n\t0\n");
  const auto dataset = load_dataset(request(folder_.path()));
  EXPECT_EQ(dataset->train.rows(), 5);
  EXPECT_EQ(dataset->validation.rows(), 1);
  EXPECT_EQ(dataset->validation.labels[0], 2);
  EXPECT_EQ(dataset->test.rows(), 2);
  const std::vector<float> expected = {'m', 'u', 'c', 'h', ' ', 'l', 'o', 'n', 'm', ' ', 'n', 0, 0, 0, 0, 0};
  EXPECT_EQ(dataset->test.features, expected);
}

TEST_F(Sentences, ValidationRowsHaveSeveralNamesAndOtherTablesAreNamed) {
  std::string rows;
  for (int i = 0; i < 20; ++i) rows += fmt::format("some words {}\t{}\n", i, i % 2);
  folder_.write("train.tsv", rows);
  folder_.write("more.tsv", rows);
  for (const char* name : {"dev.tsv", "val.tsv", "validation.tsv", "valid.tsv"}) {
    folder_.write(name, "a b\t1\nc d\t0\n");
    const log::Capture capture;
    EXPECT_EQ(load_dataset({.name = folder_.path().string()})->validation.rows(), 2) << name;
    EXPECT_NE(capture.text().find("more.tsv is not read: a set has train.tsv"), std::string::npos) << capture.text();
    EXPECT_EQ(capture.text().find(std::string(name) + " is not read"), std::string::npos) << capture.text();
    fs::remove(folder_.file(name));
  }
}

TEST_F(Sentences, TablesOfNumbersAreNone) {
  EXPECT_FALSE(holds_sentences(folder_.write("numbers.tsv", "x\tlabel\n0.5\t1\n0.7\t0\n")));
  EXPECT_FALSE(holds_sentences(folder_.write("words.tsv", "0.5\tcat\n0.7\tdog\n")));
  EXPECT_FALSE(holds_sentences(folder_.write("three.tsv", "a b\tc d\t1\n")));
  EXPECT_FALSE(holds_sentences(folder_.write("prose.txt", "No tab here.\nNor here.\n")));
  EXPECT_FALSE(holds_sentences(folder_.path()));
  EXPECT_TRUE(holds_sentences(folder_.write("good.tsv", "a b\t1\nc\t0\n")));
}

TEST_F(Sentences, ReportTheLine) {
  const auto of = [&](const std::string& text) { return error_of(folder_.write("x.tsv", text)); };
  std::string many;
  for (int i = 0; i < 8000; ++i) many += "some words\t" + std::to_string(i % 2) + "\n";
  EXPECT_EQ(of(many + "one field\n"), ":8001: expected two fields with one tab between them: a sentence and its label");
  EXPECT_EQ(of("a b\t1\n\t0\n"), ":2: the sentence or the label is empty");
  EXPECT_EQ(of("a b\t1\nc\t0\nd\t3\n"),
            ": labels that are numbers count from 0 without gaps; 2 is absent and 3 is there");
  EXPECT_EQ(of(std::string("a b\t1\nc \0 d\t0\n", 14)), ":2: has a byte 0, which fills short rows");
  folder_.write("train.tsv", "a b\t0\nc d\t1\ne f\t0\ng h\t0\ni j\t1\n");
  folder_.write("test.tsv", "index\tsentence\n0\tuneasy mishmash\n");
  EXPECT_EQ(error_of(folder_.path()), "/test.tsv:1: label \"sentence\" is that of no training row");
}

TEST_F(Sentences, RealFiles) {
  const char* given = std::getenv("LATHE_TEST_DATA");
  const fs::path data = (given ? fs::path(given) : fs::path(LATHE_SOURCE_DIR) / "../shared/data") / "text";
  if (!fs::exists(data)) GTEST_SKIP() << "no texts in " << data;
  const auto sentences = load_dataset({.name = (data / "sst2").string()});
  EXPECT_EQ(sentences->train.rows(), 6920);
  EXPECT_EQ(sentences->validation.rows(), 872);
  EXPECT_EQ(sentences->test.rows(), 1821);
  EXPECT_EQ(sentences->classes, 2);
  const auto text = load_dataset({.name = (data / "tinyshakespeare.txt").string(), .language_modeling = true});
  EXPECT_EQ(text->test.rows(), 871);
  EXPECT_EQ(text->validation.rows(), 784);
}

}  // namespace
}  // namespace lathe::data
