#pragma once

#include <filesystem>
#include <optional>

#include "lathe/checkpoint/checkpoint.h"
#include "lathe/data/dataset.h"

/// What model files say of the rows that their weights were trained on.
namespace lathe::checkpoint {

/// Returns the facts of trained weights: where the rows came from, their fingerprint, and what was done to them.
Facts data_facts(const data::Dataset& dataset);

/// Returns what `data_facts` stored; nullopt where the file says nothing (written by an earlier lathe or by another
/// program). Throws DataError with `origin` for a text that cannot be read.
std::optional<data::Preprocessing> preprocessing_of(const Facts& facts, const std::filesystem::path& origin);

/// Stores a preprocessing, where there is one.
void store_preprocessing(const std::optional<data::Preprocessing>& preprocessing, Facts& facts);

}  // namespace lathe::checkpoint
