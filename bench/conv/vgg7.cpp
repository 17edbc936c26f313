#include "conv/vgg7.h"

#include "lathe/base/random.h"
#include "lathe/model/zoo.h"

namespace bench {

lathe::ir::Graph make_vgg7() { return lathe::model::make_model("vgg7", lathe::model::find_model("vgg7")->usual); }

lathe::data::Samples make_images(std::size_t rows) {
  lathe::RandomStream stream(1, {2}, "conv bench");
  lathe::data::Samples samples;
  samples.shape = {3, 32, 32};
  samples.width = lathe::element_count(samples.shape);
  samples.features.resize(rows * static_cast<std::size_t>(samples.width));
  for (float& value : samples.features) value = static_cast<float>(stream.normal());
  for (std::size_t i = 0; i < rows; ++i) samples.labels.push_back(static_cast<std::int32_t>(stream.next_u64() % 10));
  return samples;
}

}  // namespace bench
