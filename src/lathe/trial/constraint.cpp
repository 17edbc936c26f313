#include "lathe/trial/constraint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/parameter/space.h"

namespace lathe::trial {
namespace {

// Returns the value of what a constraint bounds; nullopt when a metric that it reads is not known.
std::optional<double> bounded_value(const recipe::Constraint& constraint,
                                    const std::map<std::string, double>& metrics) {
  if (constraint.kind != nullptr) {
    const auto found = metrics.find(constraint.kind->name);
    return found != metrics.end() ? std::optional(found->second) : std::nullopt;
  }
  for (const std::string& name : constraint.expression->names()) {
    if (!metrics.contains(name)) return std::nullopt;
  }
  return constraint.expression->evaluate(metrics);
}

// Holds the point that breaks a constraint least.
struct Nearest {
  double violation = std::numeric_limits<double>::infinity();
  std::map<std::string, double> metrics = {};
};

// Returns what the analysis says of a point of the space; nullopt for an impossible network.
std::optional<std::map<std::string, double>> metrics_at(const recipe::StudySettings& settings,
                                                        const space::SearchSpace& space, std::uint64_t place) {
  try {
    return analysis_metrics(settings, space.decode(space.parameters().decode(place)).graph);
  } catch (const UserError&) {
    return std::nullopt;
  }
}

double relative(double excess, double bound) { return bound == 0 ? excess : excess / std::abs(bound); }

}  // namespace

std::map<std::string, double> analysis_metrics(const recipe::StudySettings& settings, const ir::Graph& graph) {
  const metric::TrialFacts facts{
      .graph = &graph, .batch_size = settings.batch_size, .compare_to_bits = settings.compare_to_bits};
  std::map<std::string, double> metrics;
  for (const metric::MetricKind& kind : metric::metric_kinds()) {
    if (kind.source == metric::Source::kAnalysis) metrics[kind.name] = kind.compute(facts).value();
  }
  return metrics;
}

bool needs_analysis_only(const recipe::Constraint& constraint) {
  const auto analysed = [](const metric::MetricKind* kind) { return kind->source == metric::Source::kAnalysis; };
  if (constraint.kind != nullptr) return analysed(constraint.kind);
  const std::vector<std::string>& names = constraint.expression->names();
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return analysed(metric::find_metric(name)); });
}

std::vector<recipe::Constraint> trained_constraints(const std::vector<recipe::Constraint>& constraints) {
  std::vector<recipe::Constraint> trained;
  for (const recipe::Constraint& constraint : constraints) {
    if (needs_analysis_only(constraint)) continue;
    for (std::optional<double> recipe::Constraint::*const other :
         {&recipe::Constraint::max, &recipe::Constraint::min}) {
      recipe::Constraint bound = constraint;
      (bound.*other).reset();
      if (bound.min || bound.max) trained.push_back(std::move(bound));
    }
  }
  return trained;
}

double violation(const recipe::Constraint& constraint, double value) {
  if (std::isnan(value)) return std::numeric_limits<double>::infinity();
  double worst = -std::numeric_limits<double>::infinity();
  if (constraint.max) worst = std::max(worst, relative(value - *constraint.max, *constraint.max));
  if (constraint.min) worst = std::max(worst, relative(*constraint.min - value, *constraint.min));
  return worst;
}

std::vector<double> constraint_values(const std::vector<recipe::Constraint>& constraints,
                                      const std::map<std::string, double>& metrics) {
  std::vector<double> values;
  for (const recipe::Constraint& constraint : constraints) {
    const std::optional<double> value = bounded_value(constraint, metrics);
    values.push_back(value ? violation(constraint, *value) : 0.0);
  }
  return values;
}

std::string broken_constraint(const std::vector<recipe::Constraint>& constraints,
                              const std::map<std::string, double>& metrics) {
  for (const recipe::Constraint& constraint : constraints) {
    const std::optional<double> value = bounded_value(constraint, metrics);
    if (!value || violation(constraint, *value) <= 0) continue;
    const bool above = constraint.max && !(*value <= *constraint.max);
    return fmt::format("{} is {:.6g}, {} its {} of {:.6g}", constraint.name, *value, above ? "above" : "below",
                       above ? "max" : "min", above ? *constraint.max : *constraint.min);
  }
  return {};
}

void require_feasible_candidate(const recipe::StudySettings& settings, const space::SearchSpace& space,
                                std::int64_t most_points) {
  const std::optional<std::uint64_t> points = space.parameters().count();
  if (settings.constraints.empty() || !points || *points > static_cast<std::uint64_t>(most_points)) return;
  std::vector<Nearest> nearest(settings.constraints.size());
  bool possible = false;
  for (std::uint64_t place = 0; place < *points; ++place) {
    const auto metrics = metrics_at(settings, space, place);
    if (!metrics) continue;
    possible = true;
    const std::vector<double> values = constraint_values(settings.constraints, *metrics);
    if (std::all_of(values.begin(), values.end(), [](double value) { return value <= 0; })) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] < nearest[i].violation) nearest[i] = {values[i], *metrics};
    }
  }
  if (!possible) return;  // the trials say why
  const auto hardest = std::max_element(nearest.begin(), nearest.end(),
                                        [](const Nearest& a, const Nearest& b) { return a.violation < b.violation; });
  const recipe::Constraint& constraint = settings.constraints[static_cast<std::size_t>(hardest - nearest.begin())];
  const std::string broken = broken_constraint({constraint}, hardest->metrics);
  throw UserError(constraint.position, "search.strategy.constraints." + constraint.name,
                  broken.empty() ? "no candidate of the space meets all constraints together"
                                 : "no candidate of the space meets it: " + broken + " at the nearest one");
}

}  // namespace lathe::trial
