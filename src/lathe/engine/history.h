#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "lathe/engine/train.h"

namespace lathe::engine {

/// Returns history.csv: a header line `step,epoch,learning_rate,train_loss,train_accuracy,validation_loss,
/// validation_accuracy` and a line per row; figures that were not taken are empty. Numbers read back exactly.
/// Of language models (`of_tokens`) it also holds train_perplexity and validation_perplexity, exp of the losses.
std::string history_csv(std::span<const HistoryRow> history, bool of_tokens = false);
/// Writes history.csv atomically. Throws SystemError.
void write_history(const std::filesystem::path& path, std::span<const HistoryRow> history, bool of_tokens = false);

}  // namespace lathe::engine
