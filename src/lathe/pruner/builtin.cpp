#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

#define ENTRY(declare) PrunerKind declare();
#include "lathe/pruner/builtin.def"
#undef ENTRY

namespace {

std::vector<PrunerKind> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/pruner/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<PrunerKind>& pruner_kinds() {
  static const Registry<PrunerKind> registry("pruner", listed(), Spelling::kLoose);
  return registry;
}

const PrunerKind& pruner_kind(std::string_view name) { return pruner_kinds().at(name); }

std::string refusal(const PrunerKind& kind, std::size_t objectives) {
  if (kind.several_objectives || objectives <= 1) return {};
  return fmt::format("{} compares one objective and this study has {}: use \"moasha\", or sum_scaled_metrics = true",
                     kind.name, objectives);
}

std::unique_ptr<Pruner> make_pruner(const PrunerSettings& settings) {
  const PrunerKind& kind = pruner_kind(settings.name);
  if (const std::string reason = refusal(kind, settings.directions.size()); !reason.empty()) throw UserError(reason);
  return kind.make(settings);
}

}  // namespace lathe::pruner
