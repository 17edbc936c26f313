#include "lathe/pruner/options.h"

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

}  // namespace

PrunerKind none_kind() {
  return {.name = "none",
          .aliases = {"nop", "no_pruner"},
          .description = "ends no trial; the reports are kept",
          .options = {},
          .several_objectives = true,
          .make = make_none};
}

}  // namespace lathe::pruner
