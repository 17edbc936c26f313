#pragma once

#include <cstdint>
#include <vector>

#include "lathe/parameter/space.h"
#include "lathe/sampler/parzen.h"
#include "lathe/sampler/tpe_groups.h"

namespace lathe::sampler {

/// Holds the observations of some rows, copied, and the sample that shows them.
struct ParzenRows {
  std::vector<std::vector<std::uint8_t>> codes;    ///< [parameter][row]
  std::vector<std::vector<double>> positions;      ///< [parameter][row]
  std::vector<std::vector<std::uint32_t>> orders;  ///< [parameter][row]
  std::vector<double> weights;                     ///< [rows]
  double prior_weight = 1;
};

/// Holds the assignments of all trials by columns, and the set of bad trials in the form that TPE needs: for parameters
/// with few values, how often each was chosen and how old these choices are, so that their weights are known without a
/// look at the trials. Rows are numbered by the age of the trials. About 10 bytes per parameter and trial.
class TpeHistory {
 public:
  TpeHistory(const parameter::Space& space, bool revision_3_1);

  /// Adds a trial and returns its row.
  std::uint32_t append(const parameter::Assignment& assignment);
  /// Puts a row among the bad trials.
  void join(std::uint32_t row);
  /// Takes a row from the bad trials.
  void leave(std::uint32_t row);

  const ParzenAxis& axis(std::size_t parameter) const { return columns_[parameter].axis; }
  /// Tells whether a parameter alone can be described by ParzenCounts: choices, and numbers with few values.
  bool is_counted(std::size_t parameter) const { return columns_[parameter].counted; }

  /// Summarises a counted parameter over the bad trials that have it, weighted by age.
  ParzenCounts bad_counts(std::size_t parameter) const;
  /// Summarises a counted parameter over those of `rows` (with weights beside the prior's 1) that have it.
  ParzenCounts counts(std::size_t parameter, const std::vector<std::uint32_t>& rows,
                      const std::vector<double>& weights) const;

  /// Shows the bad trials that have all of some parameters, weighted by age. The weights are written to `weights`,
  /// which like this object must outlive the sample.
  ParzenSample bad_sample(const ParameterList& parameters, std::vector<double>& weights) const;
  /// Copies those of `rows` (with weights beside the prior's 1) that have all of some parameters.
  ParzenRows gather(const ParameterList& parameters, const std::vector<std::uint32_t>& rows,
                    const std::vector<double>& weights) const;
  /// Shows gathered rows, which must outlive the sample.
  ParzenSample sample(const ParameterList& parameters, const ParzenRows& rows) const;

 private:
  struct Column {
    ParzenAxis axis;
    bool bytes, counted;
    std::size_t list;                                      ///< which of bad_ says where the parameter is active
    std::vector<std::uint8_t> codes = {};                  ///< [rows] where bytes; kAbsent: inactive
    std::vector<double> positions = {};                    ///< [rows] otherwise; NaN: inactive
    std::vector<std::vector<std::uint32_t>> rows_of = {};  ///< counted: [value] bad rows, ascending
    std::vector<std::int64_t> rank_sums = {};  ///< counted: [value] sums of the ranks of these rows in the list
    std::vector<std::uint32_t> order = {};     ///< otherwise: bad rows by position, ties by row
  };
  static constexpr std::uint8_t kAbsent = 255;

  bool has(const Column& column, std::uint32_t row) const;
  bool has_all(const ParameterList& parameters, std::uint32_t row) const;
  std::size_t value(const Column& column, std::uint32_t row) const;
  /// Adds `step` to the ranks of all bad rows after `row`.
  void shift_ranks(Column& column, std::uint32_t row, std::int64_t step) const;
  std::vector<std::uint32_t>::iterator place_in_order(Column& column, std::uint32_t row) const;

  std::vector<Column> columns_;                  ///< [parameter]
  std::vector<std::vector<std::uint32_t>> bad_;  ///< ascending bad rows: of all parameters without a condition, then of
                                                 ///< each with one
  std::vector<std::size_t> representative_;      ///< [list] a parameter that is active there
  std::uint32_t rows_ = 0;
};

}  // namespace lathe::sampler
