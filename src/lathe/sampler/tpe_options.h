#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/config/field.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Holds `[search.strategy.setup.sampler_options]` of tpe. What is not set follows the revision.
struct TpeOptions {
  std::string revision = "5.0";
  std::optional<bool> multivariate;
  bool group = false;
  std::optional<bool> constant_liar;
  std::int64_t n_startup_trials = 10;
  std::int64_t n_ei_candidates = 24;
  bool deduplicate = true;

  bool is_3_1() const { return revision == "3.1"; }
  bool joint(std::size_t objectives) const { return group || multivariate.value_or(!is_3_1() && objectives == 1); }
  bool counts_running() const { return constant_liar.value_or(!is_3_1()); }
};

const std::vector<config::Field<TpeOptions>>& tpe_fields();
/// Reads the options. Throws UserError: with position for what is wrong in itself, naming `group` where it contradicts
/// `multivariate`.
TpeOptions read_tpe_options(const SamplerSettings& settings);

}  // namespace lathe::sampler
