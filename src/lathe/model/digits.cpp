#include "lathe/model/sequence.h"
#include "lathe/model/zoo.h"

// Networks for the 28x28 images of MNIST and Fashion-MNIST.
namespace lathe::model {
namespace {

Layer linear(std::string path, std::int64_t out_features) {
  return {"linear", std::move(path), {{"out_features", out_features}}};
}

Layer max_pool(std::string path) { return {"max_pool2d", std::move(path), {{"kernel_size", std::int64_t{2}}}}; }

// Makes LeNet-5 (LeCun et al. 1998) as it is trained today: ReLU and max pooling, padding 2 in front.
// 61,706 parameters on 28x28 images and ten classes.
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

// Makes FINN's LFC (Umuroglu et al. 2017, https://arxiv.org/abs/1612.07119) in float: flatten, three linear layers of
// 1024 without bias, each with batch norm and ReLU, and the classes. 2,916,362 parameters.
std::vector<Layer> lfc(const ModelRequest& request) {
  Sequence hidden("layers");
  for (int i = 0; i < 3; ++i)
    hidden.add("linear", {{"out_features", std::int64_t{1024}}, {"bias", false}}).norm().relu();
  std::vector<Layer> layers = {{"flatten", ""}};
  hidden.append_to(layers);
  layers.push_back(linear("last_layer", request.classes));
  return layers;
}

}  // namespace

ZooEntry lenet_network() {
  return {.name = "lenet",
          .aliases = {"lenet5", "lenet-5"},
          .description = "LeNet-5 with ReLU and max pooling",
          .layers = lenet,
          .rows = Rows::kImages,
          .usual = {.input_shape = {1, 28, 28}, .classes = 10}};
}

ZooEntry lfc_network() {
  return {.name = "lfc",
          .aliases = {"lfc-finn"},
          .description = "FINN's LFC: three linear layers of 1024 with batch norm, images flattened",
          .layers = lfc,
          .rows = Rows::kFeaturesOrImages,
          .usual = {.input_shape = {1, 28, 28}, .classes = 10}};
}

}  // namespace lathe::model
