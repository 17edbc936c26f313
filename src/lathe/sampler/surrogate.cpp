#include "lathe/sampler/surrogate.h"

#include <algorithm>
#include <numeric>

#include "lathe/base/check.h"
#include "lathe/sampler/domination.h"

namespace lathe::sampler {
namespace {

constexpr std::size_t kFirstFit = 4;
constexpr std::size_t kLargestGrowth = 50;
constexpr int kFitIterations = 30;

/// Returns the last of the numbers of observations 4, 5, 6, ..., 20, 22, 24, ... at which a fit is due.
std::size_t last_fit(std::size_t count) {
  std::size_t at = std::min(kFirstFit, count);
  while (true) {
    const std::size_t next = at + std::clamp<std::size_t>(at / 10, 1, kLargestGrowth);
    if (next > count) return at;
    at = next;
  }
}

}  // namespace

Surrogate::Surrogate(const parameter::Space& space, const Embedding& embedding, Scale scale, std::size_t capacity)
    : space_(&space), embedding_(&embedding), scale_(scale), capacity_(capacity) {}

void Surrogate::add(std::vector<double> places, std::vector<double> values) {
  points_.push_back(std::move(places));
  values_.push_back(std::move(values));
}

/// Returns which of the first `count` observations a fit keeps.
std::vector<std::size_t> Surrogate::select(std::size_t count) const {
  std::vector<std::size_t> chosen(count);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  if (count <= capacity_) return chosen;
  const auto newest = static_cast<std::ptrdiff_t>(count - capacity_ / 2);
  std::vector<Losses> old(values_.begin(), values_.begin() + newest);
  std::vector<std::size_t> order(old.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (old.front().size() == 1) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return old[a] < old[b]; });
  } else {
    const std::vector<std::size_t> ranks = non_dominated_ranks(old);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  }
  order.resize(capacity_ - capacity_ / 2);
  std::sort(order.begin(), order.end());
  order.insert(order.end(), chosen.begin() + newest, chosen.end());
  return order;
}

std::vector<double> Surrogate::scaled(std::size_t output) const {
  std::vector<double> values;
  for (const std::size_t row : rows_) values.push_back(values_[row][output]);
  return scale_(values);
}

void Surrogate::refit(std::size_t count) {
  fitted_ = count;
  rows_ = select(count);
  processes_.clear();
  std::vector<std::vector<double>> points;
  for (const std::size_t row : rows_) points.push_back(points_[row]);
  for (std::size_t output = 0; output < values_.front().size(); ++output) {
    Hyperparameters fitted =
        fit(*embedding_, points, scaled(output), default_hyperparameters(*embedding_), kFitIterations);
    processes_.emplace_back(*space_, *embedding_, std::move(fitted));
  }
}

void Surrogate::update(std::span<const std::vector<double>> pending) {
  LATHE_CHECK(size() > 0, "a surrogate without observations");
  const std::size_t due = last_fit(size());
  if (due != fitted_) refit(due);
  const std::size_t known = rows_.size();
  const std::size_t followed = rows_.empty() ? 0 : rows_.back() + 1;
  for (std::size_t row = std::max(followed, fitted_); row < size(); ++row) rows_.push_back(row);
  targets_.clear();
  for (std::size_t output = 0; output < processes_.size(); ++output) {
    GaussianProcess& process = processes_[output];
    process.truncate(known);
    for (std::size_t row = process.size(); row < rows_.size(); ++row) process.add(points_[rows_[row]]);
    targets_.push_back(scaled(output));
    process.set_targets(targets_.back());
    for (const std::vector<double>& places : pending) process.add(places);
    process.prepare();
  }
}

}  // namespace lathe::sampler
