#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "lathe/engine/train.h"

namespace lathe::engine {

/// Returns history.csv: a header line `step,epoch,learning_rate,train_loss,train_accuracy,validation_loss,
/// validation_accuracy` and a line per row; figures that were not taken are empty. Numbers read back exactly.
std::string history_csv(std::span<const HistoryRow> history);
/// Writes history.csv atomically. Throws SystemError.
void write_history(const std::filesystem::path& path, std::span<const HistoryRow> history);

}  // namespace lathe::engine
