#include "lathe/sampler/tpe_history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

constexpr std::size_t kFullWeight = 25;

/// Holds the weights by age of n observations before they are normalised (see recency_weights): start + slope * rank
/// for the oldest `ramp`, 1 for the others.
struct AgeWeights {
  explicit AgeWeights(std::size_t n) {
    if (n < kFullWeight) return;
    ramp = n - kFullWeight;
    start = 1.0 / static_cast<double>(n);
    slope = ramp > 1 ? (1.0 - start) / static_cast<double>(ramp - 1) : 0.0;
  }
  double sum(std::int64_t count, std::int64_t rank_sum) const {
    return start * static_cast<double>(count) + slope * static_cast<double>(rank_sum);
  }
  double total(std::size_t n) const {
    const auto ranks = static_cast<std::int64_t>(ramp);
    return sum(ranks, ranks * (ranks - 1) / 2) + static_cast<double>(n - ramp);
  }
  std::size_t ramp = 0;
  double start = 1, slope = 0;
};

template <typename List>
void insert_sorted(List& list, std::uint32_t row) {
  list.insert(std::upper_bound(list.begin(), list.end(), row), row);
}

void erase_sorted(std::vector<std::uint32_t>& list, std::uint32_t row) {
  const auto found = std::lower_bound(list.begin(), list.end(), row);
  LATHE_CHECK(found != list.end() && *found == row, "row {}", row);
  list.erase(found);
}

}  // namespace

TpeHistory::TpeHistory(const parameter::Space& space, bool revision_3_1) : bad_(1), representative_(1, 0) {
  bool unconditional = false;
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    const parameter::Parameter& parameter = space.parameters()[i];
    ParzenAxis axis(parameter.distribution, revision_3_1);
    const bool bytes = has_byte_codes(axis);
    const bool counted = bytes || !axis.is_numeric();
    std::size_t list = 0;
    if (parameter.condition) {
      list = bad_.size();
      bad_.emplace_back();
      representative_.push_back(i);
    } else if (!unconditional) {
      representative_[0] = i;
      unconditional = true;
    }
    columns_.push_back({.axis = std::move(axis), .bytes = bytes, .counted = counted, .list = list});
    if (!counted) continue;
    columns_.back().rows_of.resize(static_cast<std::size_t>(columns_.back().axis.size()));
    columns_.back().rank_sums.resize(columns_.back().rows_of.size());
  }
}

std::uint32_t TpeHistory::append(const parameter::Assignment& assignment) {
  LATHE_CHECK_EQ(assignment.size(), columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Column& column = columns_[i];
    const bool active = assignment[i] != parameter::kInactive;
    if (column.bytes) {
      column.codes.push_back(active ? static_cast<std::uint8_t>(assignment[i]) : kAbsent);
    } else {
      column.positions.push_back(active ? column.axis.position(assignment[i])
                                        : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return rows_++;
}

bool TpeHistory::has(const Column& column, std::uint32_t row) const {
  return column.bytes ? column.codes[row] != kAbsent : !std::isnan(column.positions[row]);
}

bool TpeHistory::has_all(const ParameterList& parameters, std::uint32_t row) const {
  return std::all_of(parameters.begin(), parameters.end(), [&](std::size_t i) { return has(columns_[i], row); });
}

std::size_t TpeHistory::value(const Column& column, std::uint32_t row) const {
  return column.bytes ? column.codes[row] : static_cast<std::size_t>(column.positions[row]);
}

void TpeHistory::shift_ranks(Column& column, std::uint32_t row, std::int64_t step) const {
  for (std::size_t value = 0; value < column.rows_of.size(); ++value) {
    const auto& rows = column.rows_of[value];
    column.rank_sums[value] += step * (rows.end() - std::upper_bound(rows.begin(), rows.end(), row));
  }
}

std::vector<std::uint32_t>::iterator TpeHistory::place_in_order(Column& column, std::uint32_t row) const {
  const auto before = [&](std::uint32_t left, std::uint32_t right) {
    return std::pair(column.positions[left], left) < std::pair(column.positions[right], right);
  };
  return std::lower_bound(column.order.begin(), column.order.end(), row, before);
}

void TpeHistory::join(std::uint32_t row) {
  if (columns_.empty()) return;
  std::vector<std::int64_t> ranks(bad_.size());
  std::vector<bool> inside(bad_.size());
  for (std::size_t list = 0; list < bad_.size(); ++list) {
    if (!has(columns_[representative_[list]], row)) continue;
    const auto place = std::lower_bound(bad_[list].begin(), bad_[list].end(), row);
    ranks[list] = place - bad_[list].begin();
    inside[list] = place != bad_[list].end();
    bad_[list].insert(place, row);
  }
  for (Column& column : columns_) {
    if (!has(column, row)) continue;
    if (!column.counted) {
      column.order.insert(place_in_order(column, row), row);
      continue;
    }
    if (inside[column.list]) shift_ranks(column, row, 1);
    column.rank_sums[value(column, row)] += ranks[column.list];
    insert_sorted(column.rows_of[value(column, row)], row);
  }
}

void TpeHistory::leave(std::uint32_t row) {
  if (columns_.empty()) return;
  std::vector<std::int64_t> ranks(bad_.size());
  for (std::size_t list = 0; list < bad_.size(); ++list) {
    if (!has(columns_[representative_[list]], row)) continue;
    ranks[list] = std::lower_bound(bad_[list].begin(), bad_[list].end(), row) - bad_[list].begin();
    erase_sorted(bad_[list], row);
  }
  for (Column& column : columns_) {
    if (!has(column, row)) continue;
    if (!column.counted) {
      column.order.erase(place_in_order(column, row));
      continue;
    }
    column.rank_sums[value(column, row)] -= ranks[column.list];
    erase_sorted(column.rows_of[value(column, row)], row);
    shift_ranks(column, row, -1);
  }
}

ParzenCounts TpeHistory::bad_counts(std::size_t parameter) const {
  const Column& column = columns_[parameter];
  const std::vector<std::uint32_t>& rows = bad_[column.list];
  const AgeWeights by_age(rows.size());
  // The newest rows weigh 1: they are taken from the sums and counted by themselves.
  struct Newest {
    std::int64_t count = 0, rank_sum = 0;
  };
  std::vector<Newest> newest(column.rows_of.size());
  for (std::size_t rank = by_age.ramp; rank < rows.size(); ++rank) {
    Newest& at = newest[value(column, rows[rank])];
    ++at.count;
    at.rank_sum += static_cast<std::int64_t>(rank);
  }
  const double total = by_age.total(rows.size()) + 1;
  ParzenCounts result{.weights = {}, .counts = {}, .prior_weight = 1 / total};
  result.weights.reserve(newest.size());
  result.counts.reserve(newest.size());
  for (std::size_t at = 0; at < column.rows_of.size(); ++at) {
    const auto count = static_cast<std::int64_t>(column.rows_of[at].size());
    const double old = by_age.sum(count - newest[at].count, column.rank_sums[at] - newest[at].rank_sum);
    result.counts.push_back(column.rows_of[at].size());
    result.weights.push_back((old + static_cast<double>(newest[at].count)) / total);
  }
  return result;
}

ParzenCounts TpeHistory::counts(std::size_t parameter, const std::vector<std::uint32_t>& rows,
                                const std::vector<double>& weights) const {
  const Column& column = columns_[parameter];
  ParzenCounts result{.weights = std::vector<double>(column.rows_of.size()),
                      .counts = std::vector<std::size_t>(column.rows_of.size())};
  double total = 1;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!has(column, rows[i])) continue;
    const std::size_t at = value(column, rows[i]);
    ++result.counts[at];
    result.weights[at] += weights[i];
    total += weights[i];
  }
  for (double& weight : result.weights) weight /= total;
  result.prior_weight = 1 / total;
  return result;
}

ParzenSample TpeHistory::bad_sample(const ParameterList& parameters, std::vector<double>& weights) const {
  ParzenSample result;
  std::size_t shortest = columns_[parameters.front()].list;
  for (const std::size_t i : parameters) {
    const Column& column = columns_[i];
    result.axes.push_back(&column.axis);
    result.columns.push_back({column.codes.data(), column.positions.data(), column.order});
    if (!column.bytes) result.columns.back().codes = nullptr;
    if (bad_[column.list].size() < bad_[shortest].size()) shortest = column.list;
  }
  std::vector<std::uint32_t> chosen;
  const std::vector<std::uint32_t>* rows = &bad_[shortest];
  if (bad_.size() > 1) {
    std::copy_if(rows->begin(), rows->end(), std::back_inserter(chosen),
                 [&](std::uint32_t row) { return has_all(parameters, row); });
    rows = &chosen;
  }
  const AgeWeights by_age(rows->size());
  const double total = by_age.total(rows->size()) + 1;
  weights.assign(rows_, 0.0);
  for (std::size_t rank = 0; rank < rows->size(); ++rank) {
    const double weight = rank < by_age.ramp ? by_age.start + by_age.slope * static_cast<double>(rank) : 1;
    weights[(*rows)[rank]] = weight / total;
  }
  result.weights = weights;
  result.prior_weight = 1 / total;
  result.count = rows->size();
  return result;
}

ParzenRows TpeHistory::gather(const ParameterList& parameters, const std::vector<std::uint32_t>& rows,
                              const std::vector<double>& weights) const {
  ParzenRows result;
  result.codes.resize(parameters.size());
  result.positions.resize(parameters.size());
  result.orders.resize(parameters.size());
  double total = 1;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (!has_all(parameters, rows[k])) continue;
    result.weights.push_back(weights[k]);
    total += weights[k];
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Column& column = columns_[parameters[i]];
      if (column.bytes) {
        result.codes[i].push_back(column.codes[rows[k]]);
      } else {
        result.positions[i].push_back(column.positions[rows[k]]);
      }
    }
  }
  for (double& weight : result.weights) weight /= total;
  result.prior_weight = 1 / total;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::vector<double>& positions = result.positions[i];
    result.orders[i].resize(positions.size());
    std::iota(result.orders[i].begin(), result.orders[i].end(), std::uint32_t{0});
    std::stable_sort(result.orders[i].begin(), result.orders[i].end(),
                     [&](std::uint32_t left, std::uint32_t right) { return positions[left] < positions[right]; });
  }
  return result;
}

ParzenSample TpeHistory::sample(const ParameterList& parameters, const ParzenRows& rows) const {
  ParzenSample result{.weights = rows.weights, .prior_weight = rows.prior_weight, .count = rows.weights.size()};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Column& column = columns_[parameters[i]];
    result.axes.push_back(&column.axis);
    result.columns.push_back({column.bytes ? rows.codes[i].data() : nullptr, rows.positions[i].data(), rows.orders[i]});
  }
  return result;
}

}  // namespace lathe::sampler
