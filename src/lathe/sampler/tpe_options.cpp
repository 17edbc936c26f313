#include "lathe/sampler/tpe_options.h"

#include "lathe/base/error.h"
#include "lathe/sampler/options.h"

namespace lathe::sampler {

const std::vector<config::Field<TpeOptions>>& tpe_fields() {
  static const std::vector<config::Field<TpeOptions>> fields{
      config::choice_field("revision", &TpeOptions::revision, {"5.0", "3.1"},
                           "the version of Optuna whose formulas and defaults are used"),
      config::field("multivariate", &TpeOptions::multivariate,
                    "choose all parameters jointly; \"NA\": for one objective only (revision 3.1: never)"),
      config::field("group", &TpeOptions::group,
                    "choose jointly what occurs together, for spaces with conditions; implies multivariate"),
      config::field("constant_liar", &TpeOptions::constant_liar,
                    "count the trials that still run as bad ones; \"NA\": yes (revision 3.1: no)"),
      config::field("n_startup_trials", &TpeOptions::n_startup_trials, "random trials before the model is used",
                    config::at_least(0)),
      config::field("n_ei_candidates", &TpeOptions::n_ei_candidates, "candidates drawn per trial",
                    config::between(1, 1e6)),
      config::field("deduplicate", &TpeOptions::deduplicate, "never propose a point again")};
  return fields;
}

TpeOptions read_tpe_options(const SamplerSettings& settings) {
  TpeOptions options = read_options(settings, tpe_fields());
  if (options.group && !options.multivariate.value_or(true)) {
    throw UserError("group", "chooses parameters jointly and contradicts multivariate = false");
  }
  return options;
}

}  // namespace lathe::sampler
