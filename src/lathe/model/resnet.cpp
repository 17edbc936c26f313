#include <fmt/format.h>

#include "lathe/model/image_layers.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

/// Adds two convolutions and the sum with what they read, which a 1x1 convolution fits where the sizes differ.
void add_block(LayerList& net, const std::string& path, std::int64_t width, std::int64_t stride, bool fits) {
  const std::string read = net.last();
  net.normalised(path + ".conv1", path + ".bn1", {.out_channels = width, .stride = stride, .padding = 1});
  net.add({"relu", path + ".relu"});
  net.normalised(path + ".conv2", path + ".bn2", {.out_channels = width, .padding = 1});
  if (!fits) {
    Layer shortcut =
        convolution(path + ".downsample.0", {.out_channels = width, .kernel_size = 1, .stride = stride, .bias = false});
    shortcut.inputs = {read};
    net.add(std::move(shortcut)).add({"batch_norm2d", path + ".downsample.1"});
  }
  net.add({.op = "add", .module_path = path + ".sum", .inputs = {path + ".bn2", fits ? read : net.last()}});
  net.add({.op = "relu", .module_path = path + ".relu", .node_name = path + ".relu_1"});
}

// Makes ResNet-18 (He et al. 2015, https://arxiv.org/abs/1512.03385) for small images: a 3x3 stem of stride 1 and no
// max pool; module paths are torchvision's. 11,173,962 parameters with three channels and ten classes.
std::vector<Layer> resnet18(const ModelRequest& request) {
  LayerList net;
  net.normalised("conv1", "bn1", {.out_channels = 64, .padding = 1}).add({"relu", "relu"});
  int stage = 1;
  for (const std::int64_t width : {64, 128, 256, 512}) {
    const bool first = stage == 1;
    add_block(net, fmt::format("layer{}.0", stage), width, first ? 1 : 2, first);
    add_block(net, fmt::format("layer{}.1", stage++), width, 1, true);
  }
  net.add({"adaptive_avg_pool2d", "avgpool", {{"output_size", std::int64_t{1}}}}).add({"flatten", ""});
  net.add({"linear", "fc", {{"out_features", request.classes}}});
  return std::move(net).layers();
}

}  // namespace

ZooEntry resnet18_network() {
  return {.name = "resnet18",
          .aliases = {"resnet-18", "resnet18-cifar"},
          .description = "ResNet-18 for small images: 3x3 stem, no max pool, torchvision's names",
          .layers = resnet18,
          .rows = Rows::kImages,
          .usual = {.input_shape = {3, 32, 32}, .classes = 10}};
}

}  // namespace lathe::model
