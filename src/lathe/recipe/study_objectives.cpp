#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/log.h"
#include "lathe/recipe/study_parts.h"
#include "lathe/recipe/study_tables.h"

namespace lathe::recipe {
namespace {

using config::Member;
using config::Value;

Direction parse_direction(const Value& value) {
  config::detail::check_choice(value, kDirections);
  return value.as_string() == "minimize" ? Direction::kMinimize : Direction::kMaximize;
}

std::string metrics_of(data::Task task) {
  std::string names;
  for (const metric::MetricKind& kind : metric::metric_kinds()) {
    const bool other = kind.source != metric::Source::kEvaluated || (kind.task && *kind.task != task);
    if (!other) names += (names.empty() ? "" : ", ") + kind.name;
  }
  return names;
}

Objective parse_objective(const Member& member, bool summed, data::Task task) {
  MetricTable given;
  config::decode(member.value, metric_fields(), given);
  Objective objective{.name = member.name, .scale = given.scale};
  if (given.expr) {
    objective.expression = parse_formula(*member.value.find("expr"));
  } else {
    objective.kind = &require_metric(member.name, member.value, task);
    objective.name = objective.kind->name;
    objective.direction = objective.kind->larger_is_better ? Direction::kMaximize : Direction::kMinimize;
  }
  if (!std::isfinite(given.scale) || given.scale == 0) member.value.fail("scale must be a finite number other than 0");
  if (const Value* direction = member.value.find("direction"))
    objective.direction = parse_direction(*direction);
  else if (!summed)
    missing(member.value, "direction", "direction = \"maximize\"");
  return objective;
}

Direction turned(Direction direction, double scale) {
  if (scale > 0) return direction;
  return direction == Direction::kMaximize ? Direction::kMinimize : Direction::kMaximize;
}

void warn_of_contradiction(const Objective& objective, Direction direction, const SourcePosition& position) {
  if (objective.kind == nullptr) return;
  const bool grows = turned(direction, objective.scale) == Direction::kMaximize;
  if (grows == objective.kind->larger_is_better) return;
  log::warning(
      "{}: search.strategy.metrics.{}: with scale {} and direction {} the search will {} {}, of which less is {}",
      position.to_string(), objective.name, objective.scale,
      direction == Direction::kMaximize ? "maximize" : "minimize", grows ? "raise" : "lower", objective.name,
      objective.kind->larger_is_better ? "worse" : "better");
}

const char* word(Direction direction) { return direction == Direction::kMaximize ? "maximize" : "minimize"; }

Direction better_direction(const metric::MetricKind& kind) {
  return kind.larger_is_better ? Direction::kMaximize : Direction::kMinimize;
}

// Refuses a metric that the sum pulls the wrong way: against its own direction, or against what is better of it unless
// its direction says so. With a negative scale some write the direction of the metric and some that of the scaled one.
void refuse_contradiction(const Member& member, const Objective& objective, Direction sum) {
  const Direction pulled = turned(sum, objective.scale);
  const bool stated = member.value.find("direction") != nullptr;
  const bool pulled_to_worse = objective.kind != nullptr && pulled != better_direction(*objective.kind);
  const bool against_own = stated && objective.scale > 0 && objective.direction != sum;
  const bool against_nature = pulled_to_worse && !(stated && objective.direction == pulled);
  if (!against_own && !against_nature) return;
  const std::string cure = against_own && objective.kind != nullptr && !pulled_to_worse
                               ? fmt::format("direction = \"{}\"", word(pulled))
                               : fmt::format("scale = {}", -objective.scale);
  member.value.fail(fmt::format(
      "the sum is to be {}d, which with scale {} would {} {}{}: write {}", word(sum), objective.scale,
      pulled == Direction::kMaximize ? "raise" : "lower", member.name,
      against_own ? fmt::format(", against direction = \"{}\"", word(objective.direction))
                  : fmt::format(", of which less is {}", objective.kind->larger_is_better ? "worse" : "better"),
      cure));
}

}  // namespace

void missing(const Value& table, const std::string& key, const std::string& example) {
  table.fail(fmt::format("{} is missing; write, for example, {}", key, example));
}

void check_task(const metric::MetricKind& kind, data::Task task, const Value& value) {
  if (!kind.task || *kind.task == task) return;
  value.fail(fmt::format("the metric \"{}\" belongs to {}; the task is {}, whose metrics of evaluation are {}",
                         kind.name, data::task_name(*kind.task), data::task_name(task), metrics_of(task)));
}

const metric::MetricKind& require_metric(const std::string& name, const Value& value, data::Task task) {
  if (const metric::MetricKind* kind = metric::find_metric(name)) {
    check_task(*kind, task, value);
    return *kind;
  }
  std::vector<std::string> known;
  for (const metric::MetricKind& kind : metric::metric_kinds()) known.push_back(kind.name);
  value.fail(fmt::format("unknown metric \"{}\"{}", name, suggestion(name, known)));
}

metric::Expression parse_formula(const Value& value) {
  try {
    return metric::Expression::parse(value.as_string());
  } catch (const UserError& error) {
    value.fail(error.what());
  }
}

void parse_objectives(const Value& strategy, const SetupTable& setup, StudySettings& study) {
  const Value* metrics = strategy.find("metrics");
  if (metrics == nullptr || metrics->as_table().empty()) {
    missing(strategy, "metrics", "[search.strategy.metrics] accuracy = { scale = 1.0, direction = \"maximize\" }");
  }
  std::vector<const Member*> members;
  for (const Member& member : metrics->as_table()) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](const Member* a, const Member* b) { return a->name < b->name; });
  if (setup.sum_scaled_metrics) {
    const Value* direction = strategy.find_path("setup.direction");
    if (direction == nullptr) {
      missing(*strategy.find("setup"), "direction", "direction = \"maximize\" (of the sum of the scaled metrics)");
    }
    study.directions = {parse_direction(*direction)};
  }
  for (const Member* member : members) {
    study.objectives.push_back(parse_objective(*member, setup.sum_scaled_metrics, study.task));
    const Objective& objective = study.objectives.back();
    for (std::size_t i = 0; i + 1 < study.objectives.size(); ++i) {
      if (study.objectives[i].name == objective.name) member->value.fail("the metric is named twice");
    }
    if (setup.sum_scaled_metrics)
      refuse_contradiction(*member, objective, study.directions.front());
    else
      study.directions.push_back(objective.direction);
    warn_of_contradiction(objective, setup.sum_scaled_metrics ? study.directions.front() : objective.direction,
                          member->value.position());
  }
}

}  // namespace lathe::recipe
