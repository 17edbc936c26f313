#include <fmt/format.h>

#include <algorithm>

#include "lathe/pruner/pruner.h"
#include "lathe/recipe/study_parts.h"
#include "lathe/recipe/study_pruner.h"
#include "lathe/recipe/study_tables.h"

namespace lathe::recipe {
namespace {

using config::Member;
using config::Value;

engine::Resource parse_resource(const std::string& name) {
  if (name == "samples") return engine::Resource::kSamples;
  return name == "seconds" ? engine::Resource::kSeconds : engine::Resource::kEpochs;
}

const pruner::PrunerKind& require_pruner(const Value& table) {
  const Value* name = table.find("name");
  if (name == nullptr) missing(table, "name", "name = \"asha\"");
  try {
    return pruner::pruner_kind(name->as_string());
  } catch (const UserError& error) {
    if (!name->is_string()) throw;
    name->fail(error.what());
  }
}

// Returns the members of the table that `names` lists.
Value members_named(const Value& table, const std::vector<std::string>& names) {
  config::Table chosen;
  for (const Member& member : table.as_table()) {
    if (std::find(names.begin(), names.end(), member.name) != names.end()) chosen.push_back(member);
  }
  return Value(chosen, table.position(), table.key());
}

// Refuses bounds that no value of a metric can meet.
void check_bounds(const Constraint& constraint, const Value& table) {
  if (!constraint.min && !constraint.max) table.fail("needs a min, a max or both; write, for example, max = 4096");
  if (constraint.min && constraint.max && *constraint.min > *constraint.max) {
    table.fail(fmt::format("no value can meet it: min {} is above max {}", *constraint.min, *constraint.max));
  }
  if (constraint.kind == nullptr) return;
  if (constraint.max && *constraint.max < constraint.kind->lowest) {
    table.find("max")->fail(
        fmt::format("no candidate can meet it: {} is never below {}", constraint.name, constraint.kind->lowest));
  }
  if (constraint.min && *constraint.min > constraint.kind->highest) {
    table.find("min")->fail(
        fmt::format("no candidate can meet it: {} is never above {}", constraint.name, constraint.kind->highest));
  }
}

Constraint parse_constraint(const Member& member, data::Task task) {
  ConstraintTable given;
  config::decode(member.value, constraint_fields(), given);
  Constraint constraint{.name = member.name, .min = given.min, .max = given.max, .position = member.value.position()};
  if (given.expr) {
    constraint.expression = parse_formula(*member.value.find("expr"));
  } else {
    constraint.kind = &require_metric(member.name, member.value, task);
    constraint.name = constraint.kind->name;
  }
  check_bounds(constraint, member.value);
  return constraint;
}

}  // namespace

void parse_pruner(const Value& table, StudySettings& study) {
  if (study.eval_mode) table.fail("pruning ends trainings early; this study trains nothing (eval_mode = true)");
  const pruner::PrunerKind& kind = require_pruner(table);
  std::vector<std::string> own;
  for (const sampler::SamplerOption& option : kind.options) own.push_back(option.name);
  PrunerTable given;
  decode_without(table, own, pruner_fields(), given);
  PrunerChoice choice{.name = kind.name, .resource = parse_resource(given.resource), .interval = given.interval};
  if (const std::string refusal = pruner::refusal(kind, study.directions.size()); !refusal.empty()) {
    table.find("name")->fail(refusal);
  }
  choice.options = members_named(table, own);
  study.pruner = std::move(choice);
  make_pruner(study);  // checks the options
}

void parse_constraints(const Value& table, StudySettings& study) {
  for (const Member& member : table.as_table()) {
    Constraint constraint = parse_constraint(member, study.task);
    for (const Constraint& other : study.constraints) {
      if (other.name == constraint.name) member.value.fail("the metric is named twice");
    }
    study.constraints.push_back(std::move(constraint));
  }
}

void parse_racing(const Value& table, StudySettings& study) {
  if (study.eval_mode) {
    table.fail("racing trains candidates with several seeds; this study trains nothing (eval_mode = true)");
  }
  RacingSettings racing;
  config::decode(table, racing_fields(), racing);
  if (racing.max_repeats < study.repeats) {
    table.fail(fmt::format("max_repeats = {} is below repeats = {}, which every trial runs", racing.max_repeats,
                           study.repeats));
  }
  if (racing.min_repeats > racing.max_repeats) {
    table.fail(fmt::format("min_repeats = {} is above max_repeats = {}", racing.min_repeats, racing.max_repeats));
  }
  study.racing = racing;
}

}  // namespace lathe::recipe
