#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/sampler/auto.h"
#include "lathe/sampler/brute_force.h"
#include "lathe/sampler/evolution.h"
#include "lathe/sampler/gp.h"
#include "lathe/sampler/grid.h"
#include "lathe/sampler/nsga.h"
#include "lathe/sampler/qmc.h"
#include "lathe/sampler/random.h"
#include "lathe/sampler/tpe.h"

namespace lathe::sampler {
const Registry<SamplerKind>& sampler_kinds() {
  static const Registry<SamplerKind> registry(
      "sampler",
      {random_kind(), grid_kind(), brute_force_kind(), qmc_kind(), nsgaii_kind(), nsgaiii_kind(), evolution_kind(),
       tpe_kind(), gp_kind(), auto_kind()},
      Spelling::kLoose);
  return registry;
}

const SamplerKind& sampler_kind(std::string_view name) { return sampler_kinds().at(name); }

std::unique_ptr<Sampler> make_sampler(const SamplerSettings& settings) {
  return sampler_kind(settings.name).make(settings);
}

double total_violation(const FinishedTrial& trial) {
  double total = 0;
  for (const double constraint : trial.constraints) total += std::max(constraint, 0.0);
  return total;
}

}  // namespace lathe::sampler
