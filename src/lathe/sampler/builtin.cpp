#include <algorithm>

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

#define ENTRY(declare) SamplerKind declare();
#include "lathe/sampler/builtin.def"
#undef ENTRY

namespace {

std::vector<SamplerKind> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/sampler/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<SamplerKind>& sampler_kinds() {
  static const Registry<SamplerKind> registry("sampler", listed(), Spelling::kLoose);
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
