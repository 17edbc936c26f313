#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/config/field.h"
#include "lathe/recipe/study_settings.h"

/// The tables of `[search.strategy]` and `[search.final]` as they are written: what parse_study reads and
/// study_reference prints. Internal to the module.
namespace lathe::recipe {

using config::Field;

inline const std::vector<std::string> kDirections{"minimize", "maximize"};

struct StrategyTable {
  std::string name = "optuna";
  bool eval_mode = true;
};

struct SetupTable {
  std::int64_t n_jobs = 1;
  std::int64_t n_trials = 20;
  std::optional<double> timeout;
  std::string sampler = "tpe";
  bool sum_scaled_metrics = false;
  std::optional<std::string> direction;
  std::optional<double> trial_timeout;
  std::optional<double> trial_memory;
  std::optional<double> max_memory;
  std::optional<std::int64_t> keep_best;
  double checkpoint_interval = 60;
  std::int64_t lag = 4;
  double heartbeat = 10;
  double heartbeat_grace = 60;
  std::int64_t max_attempts = 3;
  bool mixed_targets = false;
  std::int64_t repeats = 1;
  std::string optuna_compat;
  std::optional<std::int64_t> save_every_n_trials;
  std::optional<bool> model_parallel;
  std::optional<std::string> runner_style;
};

struct EvaluationTable {
  std::string name = {};
  std::string data_loader = "val_dataloader";
  std::int64_t num_samples = -1;
};

struct TrainTable {
  std::string name = {};
  std::string data_loader = "train_dataloader";
  std::string weights = "fresh";
  engine::TrainSettings settings = {};
};

struct MetricTable {
  double scale = 1;
  std::optional<std::string> direction;
  std::optional<std::string> expr;
};

struct PrunerTable {
  std::string name;
  std::string resource = "epochs";
  std::int64_t interval = 1;
};

struct ConstraintTable {
  std::optional<double> min, max;
  std::optional<std::string> expr;
};

struct HardwareTable {
  double compare_to = 32;
  std::int64_t batch_size = 128;
};

const std::vector<Field<SetupTable>>& setup_fields();
const std::vector<Field<EvaluationTable>>& evaluation_fields();
const std::vector<Field<TrainTable>>& train_fields();
const std::vector<Field<HardwareTable>>& hardware_fields();
const std::vector<Field<StrategyTable>>& strategy_fields();
const std::vector<Field<MetricTable>>& metric_fields();
const std::vector<Field<FinalSettings>>& final_fields();
const std::vector<Field<PrunerTable>>& pruner_fields();
const std::vector<Field<ConstraintTable>>& constraint_fields();
const std::vector<Field<RacingSettings>>& racing_fields();
const std::vector<Field<ExhaustiveSettings>>& exhaustive_fields();

/// Reads the members of a table but those named `elsewhere`, which are read on their own.
template <typename Struct>
void decode_without(const config::Value& table, const std::vector<std::string>& elsewhere,
                    const std::vector<Field<Struct>>& fields, Struct& out) {
  config::Table plain;
  for (const config::Member& member : table.as_table()) {
    if (std::find(elsewhere.begin(), elsewhere.end(), member.name) == elsewhere.end()) plain.push_back(member);
  }
  std::vector<Field<Struct>> all = fields;
  for (const std::string& name : elsewhere) all.push_back({name, "table", "", "", {}, {}});
  config::decode(config::Value(plain, table.position(), table.key()), all, out);
}

}  // namespace lathe::recipe
