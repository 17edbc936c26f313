#include "lathe/model/digits.h"

#include "lathe/model/sequence.h"

namespace lathe::model {
namespace {

Layer linear(std::string path, std::int64_t out_features) {
  return {"linear", std::move(path), {{"out_features", out_features}}};
}

Layer max_pool(std::string path) { return {"max_pool2d", std::move(path), {{"kernel_size", std::int64_t{2}}}}; }

}  // namespace

std::vector<Layer> lenet(const ModelRequest& request) {
  return {convolution("conv1", {.out_channels = 6, .kernel_size = 5, .padding = 2}),
          {"relu", "relu1"},
          max_pool("pool1"),
          convolution("conv2", {.out_channels = 16, .kernel_size = 5}),
          {"relu", "relu2"},
          max_pool("pool2"),
          {"flatten", ""},
          linear("fc1", 120),
          {"relu", "relu3"},
          linear("fc2", 84),
          {"relu", "relu4"},
          linear("fc3", request.classes)};
}

std::vector<Layer> lfc(const ModelRequest& request) {
  Sequence hidden("layers");
  for (int i = 0; i < 3; ++i)
    hidden.add("linear", {{"out_features", std::int64_t{1024}}, {"bias", false}}).norm().relu();
  std::vector<Layer> layers = {{"flatten", ""}};
  hidden.append_to(layers);
  layers.push_back(linear("last_layer", request.classes));
  return layers;
}

}  // namespace lathe::model
