#include <algorithm>
#include <cctype>

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
namespace {

/// Makes spellings comparable: `BruteForce`, `brute-force` and `brute_force` are one name.
std::string normalised(std::string_view name) {
  std::string text;
  for (const char letter : name) {
    if (letter != '-' && letter != '_' && letter != ' ') {
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
  }
  return text;
}

bool answers_to(const SamplerKind& kind, std::string_view name) {
  const std::string wanted = normalised(name);
  return normalised(kind.name) == wanted ||
         std::any_of(kind.aliases.begin(), kind.aliases.end(),
                     [&](const std::string& alias) { return normalised(alias) == wanted; });
}

}  // namespace

const std::vector<SamplerKind>& sampler_kinds() {
  static const std::vector<SamplerKind> kinds{random_kind(), grid_kind(),    brute_force_kind(), qmc_kind(),
                                              nsgaii_kind(), nsgaiii_kind(), evolution_kind(),   tpe_kind(),
                                              gp_kind(),     auto_kind()};
  return kinds;
}

const SamplerKind& sampler_kind(std::string_view name) {
  std::vector<std::string> names;
  for (const SamplerKind& kind : sampler_kinds()) {
    if (answers_to(kind, name)) return kind;
    names.push_back(kind.name);
  }
  throw UserError("unknown sampler \"" + std::string(name) + "\"" + suggestion(name, names));
}

std::unique_ptr<Sampler> make_sampler(const SamplerSettings& settings) {
  return sampler_kind(settings.name).make(settings);
}

double total_violation(const FinishedTrial& trial) {
  double total = 0;
  for (const double constraint : trial.constraints) total += std::max(constraint, 0.0);
  return total;
}

}  // namespace lathe::sampler
