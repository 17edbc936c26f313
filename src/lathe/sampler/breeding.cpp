#include "lathe/sampler/breeding.h"

#include <algorithm>
#include <cmath>

#include "lathe/sampler/draw.h"
#include "lathe/sampler/mutation.h"

namespace lathe::sampler {
namespace {

constexpr int kCrossings = 16;
constexpr int kChildren = 8;
constexpr int kFurtherMutations = 32;

/// Picks two members of a pool and returns the position of the one that wins.
std::size_t tournament(const std::vector<const Individual*>& pool, RandomStream& stream) {
  const std::size_t first = stream.below(pool.size());
  const std::size_t second = stream.below(pool.size());
  return constrained_dominates(pool[first]->point, pool[second]->point) ? first : second;
}

/// Chooses different members one after the other.
std::vector<const Individual*> choose_parents(const std::vector<Individual>& parents, std::size_t count,
                                              RandomStream& stream) {
  std::vector<const Individual*> pool;
  pool.reserve(parents.size());
  for (const Individual& parent : parents) pool.push_back(&parent);
  std::vector<const Individual*> chosen;
  while (chosen.size() < count) {
    const std::size_t winner = tournament(pool, stream);
    chosen.push_back(pool[winner]);
    pool.erase(pool.begin() + static_cast<std::ptrdiff_t>(winner));
  }
  return chosen;
}

std::size_t count_active(const Assignment& assignment) {
  return static_cast<std::size_t>(
      std::count_if(assignment.begin(), assignment.end(), [](double code) { return code != parameter::kInactive; }));
}

}  // namespace

const std::vector<std::string>& mutation_names() {
  static const std::vector<std::string> names{"other", "nearby", "polynomial", "mixed"};
  return names;
}

Breeder::Breeder(parameter::Space space, BreedingOptions options, double eta)
    : space_(std::move(space)), options_(std::move(options)), crossover_(&crossover(options_.crossover)) {
  crossover_settings_.swapping_prob = options_.swapping_prob;
  crossover_settings_.eta = eta;
  if (crossover_->name == "uniform") return;
  for (std::size_t i = 0; i < space_.parameters().size(); ++i) {
    if (parameter::is_numeric(space_.parameters()[i].distribution)) numeric_.push_back(i);
  }
}

Assignment Breeder::child(const std::vector<Individual>& parents, RandomStream& stream) const {
  Assignment genes;
  if (stream.uniform() < options_.crossover_prob && parents.size() >= crossover_->parents) {
    bool inside = false;
    for (int crossing = 1; !inside; ++crossing) {
      const auto chosen = choose_parents(parents, crossover_->parents, stream);
      genes = crossed(chosen, stream, crossing == kCrossings, inside);
    }
  } else {
    genes = parents[stream.below(parents.size())].assignment;
  }
  const double number = static_cast<double>(std::max<std::size_t>(1, count_active(genes)));
  return completed(genes, options_.mutation_prob.value_or(1 / number), stream);
}

/// Crosses the parents' genes; a parameter is inactive in the result where no parent has it.
Assignment Breeder::crossed(const std::vector<const Individual*>& chosen, RandomStream& stream, bool clip,
                            bool& inside) const {
  const Assignment& first = chosen.front()->assignment;
  const Assignment& last = chosen.back()->assignment;
  Assignment genes(first.size());
  for (std::size_t i = 0; i < genes.size(); ++i) {
    const bool from_first = stream.uniform() < options_.swapping_prob;
    genes[i] = (from_first ? first : last)[i];
    if (genes[i] == parameter::kInactive) genes[i] = (from_first ? last : first)[i];
  }
  inside = true;
  std::vector<std::size_t> shared;
  for (const std::size_t i : numeric_) {
    const bool had_by_all = std::all_of(chosen.begin(), chosen.end(), [&](const Individual* parent) {
      return parent->assignment[i] != parameter::kInactive;
    });
    if (had_by_all) shared.push_back(i);
  }
  if (shared.empty()) return genes;
  std::vector<Genes> places(chosen.size());
  for (std::size_t p = 0; p < chosen.size(); ++p) {
    for (const std::size_t i : shared) {
      places[p].push_back(unit_of(space_.parameters()[i].distribution, chosen[p]->assignment[i]));
    }
  }
  const Genes child = crossover_->cross(places, crossover_settings_, stream);
  for (std::size_t k = 0; k < shared.size(); ++k) {
    if (!(child[k] >= 0 && child[k] <= 1)) inside = clip;
    genes[shared[k]] = code_at(space_.parameters()[shared[k]].distribution, std::clamp(child[k], 0.0, 1.0));
    if (!inside) break;
  }
  return genes;
}

double Breeder::mutated(std::size_t i, double code, RandomStream& stream) const {
  const parameter::Distribution& distribution = space_.parameters()[i].distribution;
  if (options_.mutation == "polynomial") return polynomial_value(distribution, code, options_.mutation_eta, stream);
  const bool nearby = options_.mutation == "nearby" || (options_.mutation == "mixed" && stream.uniform() < 0.5);
  return nearby ? nearby_value(distribution, code, stream) : other_value(distribution, code, stream);
}

/// Walks over the parameters in order: mutates the genes, draws those that are missing, drops those that are not
/// active.
Assignment Breeder::completed(const Assignment& genes, double mutation_prob, RandomStream& stream) const {
  Assignment child(genes.size(), parameter::kInactive);
  for (std::size_t i = 0; i < child.size(); ++i) {
    if (!space_.is_active(child, i)) continue;
    if (genes[i] == parameter::kInactive) {
      child[i] = draw_code(space_.parameters()[i].distribution, stream);
    } else {
      child[i] = stream.uniform() < mutation_prob ? mutated(i, genes[i], stream) : genes[i];
    }
  }
  return child;
}

Assignment Breeder::mutated_once(const Assignment& assignment, RandomStream& stream) const {
  std::vector<std::size_t> active;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (assignment[i] != parameter::kInactive && space_.size(i) != 1) active.push_back(i);
  }
  if (active.empty()) return assignment;
  Assignment genes = assignment;
  const std::size_t changed = active[stream.below(active.size())];
  genes[changed] = mutated(changed, genes[changed], stream);
  return completed(genes, 0, stream);
}

Assignment Breeder::free_child(const std::vector<Individual>& parents, FreePoints& free, const FailedRegion& failed,
                               RandomStream& stream) const {
  Assignment bred;
  std::optional<Assignment> suspect;
  for (int i = 0; i < kChildren; ++i) {
    bred = child(parents, stream);
    if (!free.is_free(bred)) continue;
    if (!failed.suspects(bred)) return bred;
    if (!suspect) suspect = bred;
  }
  if (suspect) return *suspect;
  for (int i = 0; i < kFurtherMutations; ++i) {
    bred = mutated_once(bred, stream);
    if (free.is_free(bred)) return bred;
  }
  return failed.draw(free, stream);
}

}  // namespace lathe::sampler
