#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data {

/// Names rows of a part by their index.
using Rows = std::vector<std::uint32_t>;

/// Returns a random permutation of 0 .. rows - 1, a pure function of the arguments.
Rows random_rows(std::int64_t rows, std::uint64_t seed, std::string_view purpose);

/// Says which rows train and which validate. Disjoint; together all rows, unless max_train_rows left some out.
struct TrainValidationRows {
  Rows train, validation;
};

/// Draws the validation rows from `rows` training rows: a seeded permutation, of which the first
/// `validation_rows` (exactly), or else round(rows * validation_fraction) and at least one, validate and the others
/// train, in that order, cut to `max_train_rows`. With `own_validation_part` nothing is split off.
/// A pure function of the arguments. Throws UserError for numbers that leave no training or validation row.
TrainValidationRows split_training_rows(std::int64_t rows, const DatasetRequest& request, bool own_validation_part);

/// Splits test rows off data that were published in one piece: 20 % (rounded up) by a fixed permutation
/// that does not depend on the study's seed. Returns {remaining rows, test rows}, each ascending.
std::pair<Rows, Rows> split_test_rows(std::int64_t rows);

/// Returns how many of `rows` training rows validate: `validation_rows`, or else round(rows * validation_fraction), at
/// least one. Throws UserError as split_training_rows.
std::int64_t validation_count(std::int64_t rows, const DatasetRequest& request);

/// Copies the named rows, in that order, with all their labels.
Samples take_rows(const Samples& samples, const Rows& rows);

}  // namespace lathe::data
