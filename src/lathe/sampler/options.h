#pragma once

#include "lathe/config/field.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Lists the fields of a struct of options as SamplerKind::options shows them, with their defaults.
template <typename Options>
std::vector<SamplerOption> describe(const std::vector<config::Field<Options>>& fields) {
  std::vector<SamplerOption> described;
  const Options defaults;
  for (const auto& field : fields) {
    described.push_back({field.name, field.type, field.allowed, field.show(defaults), field.description});
  }
  return described;
}

/// Reads `[search.strategy.setup.sampler_options]`. Throws UserError with position.
template <typename Options>
Options read_options(const SamplerSettings& settings, const std::vector<config::Field<Options>>& fields) {
  Options options;
  if (settings.options != nullptr) config::decode(*settings.options, fields, options);
  return options;
}

/// Holds the one option of the samplers that learn nothing.
struct RepeatOptions {
  bool deduplicate = true;
};
const std::vector<config::Field<RepeatOptions>>& repeat_fields();

}  // namespace lathe::sampler
