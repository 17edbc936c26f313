#include "lathe/table/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <span>

#include "lathe/base/check.h"
#include "lathe/sampler/sampler.h"
#include "lathe/table/files.h"

namespace lathe::table {
namespace {

Mean mean_of(std::span<const double> numbers) {
  Mean result;
  const auto count = static_cast<double>(numbers.size());
  result.mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / count;
  if (numbers.size() < 2) return result;
  double squares = 0;
  for (const double number : numbers) squares += (number - result.mean) * (number - result.mean);
  result.standard_error = std::sqrt(squares / (count - 1) / count);
  return result;
}

}  // namespace

Table::Table(Contents contents) : contents_(std::move(contents)) {
  LATHE_CHECK_EQ(contents_.candidate_of.size(), contents_.space.count().value_or(0));
  LATHE_CHECK_EQ(contents_.values.size(), candidates() * seeds() * contents_.objectives.size());
}

Table Table::load(const std::filesystem::path& name) { return Table(read_table(name)); }

std::vector<Direction> Table::directions() const {
  std::vector<Direction> directions;
  for (const Objective& objective : contents_.objectives) directions.push_back(objective.direction);
  return directions;
}

std::optional<std::size_t> Table::find(const parameter::Assignment& assignment) const {
  LATHE_CHECK(contents_.space.contains(assignment));
  const std::int32_t candidate = contents_.candidate_of[contents_.space.encode(assignment)];
  if (candidate < 0) return std::nullopt;
  return static_cast<std::size_t>(candidate);
}

std::vector<std::size_t> Table::matching(const std::vector<std::pair<std::size_t, double>>& codes) const {
  std::set<std::size_t> found;
  for (std::size_t place = 0; place < contents_.candidate_of.size(); ++place) {
    if (contents_.candidate_of[place] < 0) continue;
    const parameter::Assignment assignment = contents_.space.decode(place);
    const bool fits = std::all_of(codes.begin(), codes.end(),
                                  [&](const auto& wanted) { return assignment[wanted.first] == wanted.second; });
    if (fits) found.insert(static_cast<std::size_t>(contents_.candidate_of[place]));
  }
  return {found.begin(), found.end()};
}

template <typename Arrays>
const typename Arrays::mapped_type& Table::named(const Arrays& arrays, const std::string& name) const {
  const auto found = arrays.find(name);
  if (found != arrays.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [each, values] : arrays) known.push_back(each);
  throw UserError(name, fmt::format("is not in this table; it has {}", fmt::join(known, ", ")));
}

double Table::cost(std::size_t candidate, const std::string& name) const {
  return named(contents_.costs, name)[candidate];
}

double Table::metric(std::size_t candidate, std::size_t seed, const std::string& name) const {
  return named(contents_.metrics, name)[candidate * seeds() + seed];
}

Mean Table::metric(std::size_t candidate, const std::string& name) const {
  return mean_of(std::span(named(contents_.metrics, name)).subspan(candidate * seeds(), seeds()));
}

double Table::curve(std::size_t candidate, std::size_t seed, std::size_t epoch, const std::string& name) const {
  return static_cast<double>(named(contents_.curves, name)[(candidate * seeds() + seed) * epochs() + epoch]);
}

std::vector<double> Table::values(std::size_t candidate, std::size_t seed) const {
  const std::size_t count = contents_.objectives.size();
  const auto all = std::span(contents_.values).subspan((candidate * seeds() + seed) * count, count);
  if (std::any_of(all.begin(), all.end(), [](double value) { return std::isnan(value); })) return {};
  return {all.begin(), all.end()};
}

std::vector<Mean> Table::values(std::size_t candidate) const {
  std::vector<Mean> means;
  for (std::size_t objective = 0; objective < contents_.objectives.size(); ++objective) {
    std::vector<double> numbers;
    for (std::size_t seed = 0; seed < seeds(); ++seed) {
      const std::vector<double> each = values(candidate, seed);
      numbers.push_back(each.empty() ? std::numeric_limits<double>::quiet_NaN() : each[objective]);
    }
    means.push_back(mean_of(numbers));
  }
  return means;
}

Mean Table::mean(std::size_t candidate, const std::string& name) const {
  if (contents_.metrics.contains(name)) return metric(candidate, name);
  if (contents_.costs.contains(name)) return {cost(candidate, name), 0};
  for (std::size_t i = 0; i < contents_.objectives.size(); ++i) {
    if (contents_.objectives[i].name == name) return values(candidate)[i];
  }
  std::vector<std::string> known;
  for (const auto& [each, numbers] : contents_.metrics) known.push_back(each);
  for (const auto& [each, numbers] : contents_.costs) known.push_back(each);
  throw UserError(name, fmt::format("is not in this table; it has {}", fmt::join(known, ", ")));
}

std::vector<std::size_t> Table::front(const std::vector<Objective>& objectives) const {
  std::vector<std::vector<double>> points(candidates());
  std::vector<Direction> wanted;
  for (const Objective& objective : objectives) {
    wanted.push_back(objective.direction);
    for (std::size_t i = 0; i < candidates(); ++i) points[i].push_back(mean(i, objective.name).mean);
  }
  return sampler::pareto_front(points, wanted);
}

std::vector<std::size_t> Table::front() const {
  std::vector<std::vector<double>> points;
  for (std::size_t candidate = 0; candidate < candidates(); ++candidate) {
    points.emplace_back();
    for (const Mean& mean : values(candidate)) points.back().push_back(mean.mean);
  }
  return sampler::pareto_front(points, directions());
}

}  // namespace lathe::table
