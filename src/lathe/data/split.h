#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data {

/// Names rows of a part by their index.
using Rows = std::vector<std::uint32_t>;

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

/// Copies the named rows, in that order.
Samples take_rows(const Samples& samples, const Rows& rows);

/// Holds the scaling of each column, in double precision.
struct Scaling {
  std::vector<double> mean, deviation;
};

/// Computes mean and population standard deviation of each column; the deviation of a constant column is 1.
Scaling measure_scaling(const Samples& samples);

/// Replaces each value by (value - mean) / deviation.
void apply_scaling(const Scaling& scaling, Samples& samples);

}  // namespace lathe::data
