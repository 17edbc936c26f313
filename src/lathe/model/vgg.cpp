#include "lathe/model/sequence.h"
#include "lathe/model/zoo.h"

// The convolutional networks of MASE for CIFAR-10.
namespace lathe::model {
namespace {

Sequence& block(Sequence& features, std::int64_t channels) {
  return features.conv2d({.out_channels = channels, .padding = 1}).add("batch_norm2d", {{"momentum", 0.9}}).relu();
}

std::vector<Layer> network(const Sequence& features, const Sequence& classifier, std::int64_t classes) {
  std::vector<Layer> layers = features.layers();
  layers.push_back({.op = "flatten", .module_path = "", .node_name = "view"});
  classifier.append_to(layers);
  layers.push_back({"linear", "last_layer", {{"out_features", classes}}});
  return layers;
}

// Makes VGG7: six 3x3 convolutions of 128, 128, 256, 256, 512 and 512 channels with batch norm (momentum 0.9), a max
// pool behind each pair, `view`, two linear layers of 1024 and the classes. 14,029,450 parameters and 616,966,144 MACs
// on 32x32 images and ten classes.
std::vector<Layer> vgg7(const ModelRequest& request) {
  Sequence features("feature_layers");
  for (const std::int64_t channels : {128, 256, 512}) {
    block(features, channels);
    block(features, channels).max_pool2d();
  }
  return network(features, Sequence("classifier").linear(1024).relu().linear(1024).relu(), request.classes);
}

// Makes vgg_tiny: convolutions of 10, 10 and 8 channels without batch norm, then linear 32. 18,664 parameters.
std::vector<Layer> vgg7_tiny(const ModelRequest& request) {
  Sequence features("feature_layers");
  features.conv2d({.out_channels = 10, .padding = 1}).relu().conv2d({.out_channels = 10, .padding = 1}).relu();
  features.max_pool2d().conv2d({.out_channels = 8, .padding = 1}).relu().max_pool2d();
  return network(features, Sequence("classifier").linear(32).relu(), request.classes);
}

}  // namespace

ZooEntry vgg7_network() {
  return {.name = "vgg7",
          .aliases = {"vgg7-cifar", "vgg-7"},
          .description = "six convolutions of 128 to 512 channels with batch norm, three linear layers, MASE's VGG7",
          .layers = vgg7,
          .rows = Rows::kImages,
          .usual = {.input_shape = {3, 32, 32}, .classes = 10}};
}

ZooEntry vgg7_tiny_network() {
  return {.name = "vgg7-tiny",
          .aliases = {"vgg-tiny"},
          .description = "three convolutions of 10, 10 and 8 channels, two linear layers",
          .layers = vgg7_tiny,
          .rows = Rows::kImages,
          .usual = {.input_shape = {3, 32, 32}, .classes = 10}};
}

}  // namespace lathe::model
