#include "lathe/engine/history.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <optional>

#include "lathe/base/file.h"

namespace lathe::engine {
namespace {

std::string cell(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : std::string(); }

std::optional<double> perplexity(const std::optional<double>& loss) {
  return loss ? std::optional(std::exp(*loss)) : std::nullopt;
}

}  // namespace

std::string history_csv(std::span<const HistoryRow> history, bool of_tokens) {
  std::string text = "step,epoch,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy";
  text += of_tokens ? ",train_perplexity,validation_perplexity\n" : "\n";
  for (const HistoryRow& row : history) {
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{}", row.step, row.epoch, row.learning_rate,
                   cell(row.train_loss), cell(row.train_accuracy), cell(row.validation_loss),
                   cell(row.validation_accuracy));
    if (of_tokens)
      fmt::format_to(std::back_inserter(text), ",{},{}", cell(perplexity(row.train_loss)),
                     cell(perplexity(row.validation_loss)));
    text += '\n';
  }
  return text;
}

void write_history(const std::filesystem::path& path, std::span<const HistoryRow> history, bool of_tokens) {
  write_text_file_atomically(path, history_csv(history, of_tokens));
}

}  // namespace lathe::engine
