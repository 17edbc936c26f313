#include <fmt/format.h>

#include "lathe/model/image_layers.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

/// Holds a line of the paper's table 2; the first block of a stage has its stride.
struct Stage {
  std::int64_t expansion, width, blocks, stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 1},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

void add_activated(LayerList& net, const std::string& path, const Convolution& shape) {
  net.normalised(path + ".0", path + ".1", shape).add({"relu6", path + ".2"});
}

/// Holds what an inverted residual is made of.
struct Block {
  std::string path;
  std::int64_t before, width, expansion, stride;
};

void add_block(LayerList& net, const Block& block) {
  const std::string read = net.last();
  const std::int64_t hidden = block.before * block.expansion;
  int index = 0;
  const auto path = [&] { return fmt::format("{}.conv.{}", block.path, index++); };
  if (block.expansion != 1) add_activated(net, path(), {.out_channels = hidden, .kernel_size = 1});
  add_activated(net, path(), {.out_channels = hidden, .stride = block.stride, .padding = 1, .groups = hidden});
  const std::string narrow = path();
  net.normalised(narrow, path(), {.out_channels = block.width, .kernel_size = 1});
  if (block.stride == 1 && block.before == block.width)
    net.add({.op = "add", .module_path = block.path + ".sum", .inputs = {read, net.last()}});
}

// Makes MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2) for small images: stem and the
// stage of 24 channels have stride 1; module paths are torchvision's. 2,236,682 parameters with three channels and ten
// classes.
std::vector<Layer> mobilenet_v2(const ModelRequest& request) {
  LayerList net;
  add_activated(net, "features.0", {.out_channels = 32, .padding = 1});
  std::int64_t before = 32;
  int index = 1;
  for (const Stage& stage : kStages)
    for (std::int64_t block = 0; block < stage.blocks; ++block) {
      add_block(net, {fmt::format("features.{}", index++), before, stage.width, stage.expansion,
                      block == 0 ? stage.stride : 1});
      before = stage.width;
    }
  add_activated(net, fmt::format("features.{}", index), {.out_channels = 1280, .kernel_size = 1});
  net.add({"adaptive_avg_pool2d", "", {{"output_size", std::int64_t{1}}}}).add({"flatten", ""});
  net.add({"dropout", "classifier.0", {{"p", 0.2}}});
  net.add({"linear", "classifier.1", {{"out_features", request.classes}}});
  return std::move(net).layers();
}

}  // namespace

ZooEntry mobilenet_v2_network() {
  return {.name = "mobilenet-v2",
          .aliases = {"mobilenetv2", "mobilenet-v2-cifar"},
          .description = "MobileNetV2 for small images: two strides fewer, torchvision's names",
          .layers = mobilenet_v2,
          .rows = Rows::kImages,
          .usual = {.input_shape = {3, 32, 32}, .classes = 10}};
}

}  // namespace lathe::model
