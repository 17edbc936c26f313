#include "lathe/engine/history.h"

#include <fmt/format.h>

#include <iterator>

#include "lathe/base/file.h"

namespace lathe::engine {
namespace {

std::string cell(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : std::string(); }

}  // namespace

std::string history_csv(std::span<const HistoryRow> history) {
  std::string text = "step,epoch,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy\n";
  for (const HistoryRow& row : history) {
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{}\n", row.step, row.epoch, row.learning_rate,
                   cell(row.train_loss), cell(row.train_accuracy), cell(row.validation_loss),
                   cell(row.validation_accuracy));
  }
  return text;
}

void write_history(const std::filesystem::path& path, std::span<const HistoryRow> history) {
  write_text_file_atomically(path, history_csv(history));
}

}  // namespace lathe::engine
