#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "lathe/base/error.h"
#include "lathe/pruner/asha.h"
#include "lathe/pruner/front.h"
#include "lathe/pruner/hyperband.h"
#include "lathe/pruner/moasha.h"
#include "lathe/pruner/options.h"
#include "lathe/pruner/patient.h"
#include "lathe/pruner/percentile.h"
#include "lathe/pruner/threshold.h"

namespace lathe::pruner {
namespace {

struct NoOptions {};

class None : public Pruner {
 public:
  bool prune(std::int64_t, std::span<const Report>, std::span<const FinishedTrial>) const override { return false; }
};

std::unique_ptr<Pruner> make_none(const PrunerSettings& settings) {
  read_options(settings, std::vector<config::Field<NoOptions>>{});
  return std::make_unique<None>();
}

PrunerKind none_kind() {
  return {.name = "none",
          .aliases = {"nop", "no_pruner"},
          .description = "ends no trial; the reports are kept",
          .options = {},
          .several_objectives = true,
          .make = make_none};
}

}  // namespace

const Registry<PrunerKind>& pruner_kinds() {
  static const Registry<PrunerKind> registry(
      "pruner",
      {none_kind(), median_kind(), percentile_kind(), asha_kind(), hyperband_kind(), patient_kind(), threshold_kind(),
       moasha_kind(), front_kind()},
      Spelling::kLoose);
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
