#include "lathe/sampler/options.h"

namespace lathe::sampler {

const std::vector<config::Field<RepeatOptions>>& repeat_fields() {
  static const std::vector<config::Field<RepeatOptions>> fields{
      config::field("deduplicate", &RepeatOptions::deduplicate,
                    "never propose a point again; false: repeats are allowed (to see the noise)")};
  return fields;
}

}  // namespace lathe::sampler
