#include "lathe/data/sentences.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/data/limits.h"
#include "lathe/data/text_rows.h"
#include "lathe/data/tokens.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLookedAt = 1 << 16;
constexpr std::size_t kMostClasses = 1'000;
using Fields = std::array<std::string_view, 2>;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \r");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \r") - first + 1);
}

// Splits a line at its only tab.
std::optional<Fields> two_fields(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || line.find('\t', tab + 1) != std::string_view::npos) return std::nullopt;
  return Fields{trimmed(line.substr(0, tab)), trimmed(line.substr(tab + 1))};
}

std::optional<std::int32_t> whole_number(std::string_view text) {
  std::int32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Returns which of the two fields is the sentence: the one with blanks, where both have some the one that differs from
// line to line; nothing where these are no sentences.
std::optional<std::size_t> sentence_field(std::string_view text, bool whole) {
  std::array<bool, 2> blanks{};
  std::array<std::set<std::string_view>, 2> different;
  while (!text.empty()) {
    if (!whole && text.find('\n') == std::string_view::npos) break;  // a line that is only begun
    const std::string_view line = take_line(text);
    if (trimmed(line).empty()) continue;
    const std::optional<Fields> fields = two_fields(line);
    if (!fields) return std::nullopt;
    for (std::size_t i = 0; i < 2; ++i) {
      blanks[i] = blanks[i] || (*fields)[i].find(' ') != std::string_view::npos;
      different[i].insert((*fields)[i]);
    }
  }
  if (!blanks[0] && !blanks[1]) return std::nullopt;
  if (blanks[0] && blanks[1]) return different[0].size() >= different[1].size() ? 0 : 1;
  return blanks[0] ? 0 : 1;
}

std::string read_beginning(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(kLookedAt, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

std::optional<std::size_t> sentence_field_of(const fs::path& file) {
  const std::string text = read_beginning(file);
  return sentence_field(text, text.size() < kLookedAt);
}

// Holds the lines of one file. The views are into `text`.
struct SentenceFile {
  std::string path, text;
  std::vector<std::string_view> sentences, labels;
  std::vector<std::size_t> lines;  ///< numbers from 1, for messages
};

[[noreturn]] void fail(const SentenceFile& file, std::size_t line, const std::string& message) {
  throw DataError(fmt::format("{}:{}", file.path, line), message);
}

void read_lines(SentenceFile& file, std::size_t sentence) {
  std::string_view rest = file.text;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::string_view row = take_line(rest);
    if (trimmed(row).empty()) continue;
    const std::optional<Fields> fields = two_fields(row);
    if (!fields) fail(file, line, "expected two fields with one tab between them: a sentence and its label");
    if ((*fields)[0].empty() || (*fields)[1].empty()) fail(file, line, "the sentence or the label is empty");
    if (row.find('\0') != std::string_view::npos) fail(file, line, "has a byte 0, which fills short rows");
    file.sentences.push_back((*fields)[sentence]);
    file.labels.push_back((*fields)[1 - sentence]);
    file.lines.push_back(line);
  }
}

// Tells whether the first line names the columns: the others' labels are whole numbers and its is none, or it is a word
// that columns are called by.
bool has_header(const SentenceFile& file) {
  static const std::set<std::string_view> kNames = {"label", "class", "target", "category", "sentiment"};
  if (kNames.contains(file.labels.front())) return true;
  const auto number = [](std::string_view label) { return whole_number(label).has_value(); };
  return file.labels.size() > 1 && !number(file.labels.front()) &&
         std::all_of(file.labels.begin() + 1, file.labels.end(), number);
}

SentenceFile read_file_of(const fs::path& path, std::size_t sentence) {
  SentenceFile file{.path = path.string(), .text = read_data_text(path), .sentences = {}, .labels = {}, .lines = {}};
  read_lines(file, sentence);
  if (!file.labels.empty() && has_header(file)) {
    file.sentences.erase(file.sentences.begin());
    file.labels.erase(file.labels.begin());
    file.lines.erase(file.lines.begin());
  }
  if (file.labels.empty()) throw DataError(file.path, "has no rows");
  return file;
}

// Returns the labels that occur, numbers by their value, words by the alphabet.
std::vector<std::string> classes_of(const SentenceFile& train) {
  const std::set<std::string_view> different(train.labels.begin(), train.labels.end());
  std::vector<std::string> classes(different.begin(), different.end());
  if (classes.size() > kMostClasses)
    throw DataError(train.path, fmt::format("has more than {} different labels", kMostClasses));
  const auto number = [](const std::string& label) { return whole_number(label); };
  if (!std::all_of(classes.begin(), classes.end(), number)) return classes;
  std::sort(classes.begin(), classes.end(), [&](const auto& a, const auto& b) { return *number(a) < *number(b); });
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (*number(classes[i]) == static_cast<std::int32_t>(i)) continue;
    throw DataError(train.path, fmt::format("labels that are numbers count from 0 without gaps; {} is absent and {} is "
                                            "there",
                                            i, classes[i]));
  }
  return classes;
}

Samples samples_of(const SentenceFile& file, const std::vector<std::string>& classes, std::int64_t tokens) {
  Samples samples{.width = tokens, .features = {}, .labels = {}};
  samples.shape = {tokens};
  check_rows_fit(file.labels.size() * static_cast<std::size_t>(tokens), file.path);
  samples.features.reserve(file.labels.size() * static_cast<std::size_t>(tokens));
  std::map<std::string_view, std::int32_t> class_of;
  for (const std::string& name : classes) class_of.emplace(name, static_cast<std::int32_t>(class_of.size()));
  std::size_t cut = 0;
  for (std::size_t row = 0; row < file.labels.size(); ++row) {
    const auto found = class_of.find(file.labels[row]);
    if (found == class_of.end())
      fail(file, file.lines[row], fmt::format("label \"{}\" is that of no training row", shortened(file.labels[row])));
    samples.labels.push_back(found->second);
    append_tokens(file.sentences[row], tokens, samples.features);
    if (file.sentences[row].size() > static_cast<std::size_t>(tokens)) ++cut;
  }
  if (cut > 0)
    log::info("{}: {} of {} sentences are cut to {} bytes (max_token_len)", file.path, cut, file.labels.size(), tokens);
  return samples;
}

// Returns the file of a part beside train.tsv; empty where there is none.
fs::path beside(const fs::path& train, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const fs::path file = train.parent_path() / name;
    if (is_file(file)) return file;
  }
  return {};
}

// Says which tables of a folder belong to no part.
void warn_of_unread(const fs::path& folder, const std::vector<fs::path>& read) {
  for (const fs::path& file : list_folder(folder)) {
    if (file.extension() != ".tsv" || std::find(read.begin(), read.end(), file) != read.end()) continue;
    log::warning("{} is not read: a set has train.tsv, dev.tsv (or val.tsv, validation.tsv, valid.tsv) and test.tsv",
                 file.string());
  }
}

fs::path train_file(const fs::path& path) { return is_folder(path) ? path / "train.tsv" : path; }

}  // namespace

bool holds_sentences(const fs::path& path) {
  const fs::path file = train_file(path);
  if (!is_file(file) || (file.extension() != ".tsv" && file.extension() != ".txt")) return false;
  return sentence_field_of(file).has_value();
}

RawDataset read_sentences(const fs::path& path, const DatasetRequest& request) {
  const fs::path file = train_file(path);
  const std::optional<std::size_t> sentence = sentence_field_of(file);
  if (!sentence) throw DataError(file.string(), "holds no sentences with labels, a tab between them");
  const SentenceFile train = read_file_of(file, *sentence);
  RawDataset raw;
  raw.class_names = classes_of(train);
  raw.train = samples_of(train, raw.class_names, request.max_token_len);
  const auto read = [&](const fs::path& part) {
    return samples_of(read_file_of(part, *sentence), raw.class_names, request.max_token_len);
  };
  if (is_folder(path)) {
    const fs::path validation = beside(file, {"dev.tsv", "val.tsv", "validation.tsv", "valid.tsv"});
    const fs::path test = beside(file, {"test.tsv"});
    warn_of_unread(path, {file, validation, test});
    if (!validation.empty()) raw.validation = read(validation);
    if (!test.empty()) raw.test = read(test);
  }
  raw.source = "sentences, one token a byte";
  raw.path = path.string();
  raw.physical = false;
  raw.vocabulary = kByteVocabulary;
  return raw;
}

}  // namespace lathe::data
