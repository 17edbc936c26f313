#include "lathe/model/vgg.h"

#include "lathe/model/sequence.h"

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

}  // namespace

std::vector<Layer> vgg7(const ModelRequest& request) {
  Sequence features("feature_layers");
  for (const std::int64_t channels : {128, 256, 512}) {
    block(features, channels);
    block(features, channels).max_pool2d();
  }
  return network(features, Sequence("classifier").linear(1024).relu().linear(1024).relu(), request.classes);
}

std::vector<Layer> vgg7_tiny(const ModelRequest& request) {
  Sequence features("feature_layers");
  features.conv2d({.out_channels = 10, .padding = 1}).relu().conv2d({.out_channels = 10, .padding = 1}).relu();
  features.max_pool2d().conv2d({.out_channels = 8, .padding = 1}).relu().max_pool2d();
  return network(features, Sequence("classifier").linear(32).relu(), request.classes);
}

}  // namespace lathe::model
