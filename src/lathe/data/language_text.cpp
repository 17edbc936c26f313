#include "lathe/data/language_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/data/limits.h"
#include "lathe/data/split.h"
#include "lathe/data/tokens.h"

namespace lathe::data {
namespace {

constexpr std::int64_t kFewestWindows = 20;
constexpr std::int64_t kMostBlocks = 10;

// Collects windows of a text.
class WindowReader {
 public:
  WindowReader(std::string_view text, std::int64_t tokens) : text_(text), tokens_(tokens) {
    samples_.width = tokens;
    samples_.shape = {tokens};
    samples_.positions = tokens;
  }

  void add(std::int64_t window) {
    const auto begin = static_cast<std::size_t>(window * tokens_);
    const auto count = static_cast<std::size_t>(tokens_);
    append_tokens(text_.substr(begin, count), tokens_, samples_.features);
    for (const char letter : text_.substr(begin + 1, count))
      samples_.labels.push_back(static_cast<unsigned char>(letter));
  }
  Samples take() && { return std::move(samples_); }

 private:
  std::string_view text_;
  std::int64_t tokens_;
  Samples samples_;
};

// Marks which of `windows` neighbouring windows validate: blocks of neighbours in random places, `count` windows in
// all.
std::vector<bool> draw_validation(std::int64_t windows, std::int64_t count, std::uint64_t seed) {
  const std::int64_t blocks = std::min(kMostBlocks, count);
  const std::int64_t size = (count + blocks - 1) / blocks;
  std::vector<bool> validates(static_cast<std::size_t>(windows), false);
  std::int64_t left = count;
  for (const std::uint32_t place : random_rows((windows + size - 1) / size, seed, "validation_blocks")) {
    for (std::int64_t i = place * size; i < std::min((place + std::int64_t{1}) * size, windows) && left > 0;
         ++i, --left)
      validates[static_cast<std::size_t>(i)] = true;
  }
  return validates;
}

}  // namespace

RawDataset read_language_text(const std::filesystem::path& path, const DatasetRequest& request) {
  const std::string text = read_data_text(path);
  const std::int64_t tokens = request.max_token_len;
  const std::int64_t windows = text.empty() ? 0 : (static_cast<std::int64_t>(text.size()) - 1) / tokens;
  if (windows < kFewestWindows) {
    throw DataError(path.string(), fmt::format("has {} bytes, {} windows of {} tokens (max_token_len); at least {} are "
                                               "needed",
                                               text.size(), windows, tokens, kFewestWindows));
  }
  check_rows_fit(2 * text.size(), path.string());
  const std::int64_t before_test = windows - windows / 10 - 1;
  const std::vector<bool> validates =
      draw_validation(before_test, validation_count(before_test, request), request.seed);
  WindowReader train(text, tokens), validation(text, tokens), test(text, tokens);
  for (std::size_t i = 0; i < validates.size(); ++i) {
    const bool beside = (i > 0 && validates[i - 1]) || (i + 1 < validates.size() && validates[i + 1]);
    if (validates[i])
      validation.add(static_cast<std::int64_t>(i));
    else if (!beside)
      train.add(static_cast<std::int64_t>(i));
  }
  for (std::int64_t i = before_test + 1; i < windows; ++i) test.add(i);
  RawDataset raw;
  raw.source = "text file, one token a byte";
  raw.path = path.string();
  raw.train = std::move(train).take();
  raw.validation = std::move(validation).take();
  raw.test = std::move(test).take();
  raw.class_names = byte_names();
  raw.physical = false;
  raw.vocabulary = kByteVocabulary;
  return raw;
}

}  // namespace lathe::data
