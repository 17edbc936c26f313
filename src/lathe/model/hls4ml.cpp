#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

Layer linear(std::string path, std::int64_t out_features) {
  return {"linear", std::move(path), {{"out_features", out_features}}};
}

// hls4ml's jet tagger 16-64-32-32-5 (Duarte et al. 2018, https://arxiv.org/abs/1804.06913, section 2): ReLU between,
// none on the logits; module paths fc1, relu1, ... fc4. 4,389 parameters.
std::vector<Layer> hls4ml_jet(const ModelRequest& request) {
  return {linear("fc1", 64),
          {"relu", "relu1"},
          linear("fc2", 32),
          {"relu", "relu2"},
          linear("fc3", 32),
          {"relu", "relu3"},
          linear("fc4", request.classes)};
}

}  // namespace

ZooEntry hls4ml_jet_network() {
  return {.name = "hls4ml-jet",
          .aliases = {"hls4ml", "hls4ml-jets", "hls4ml-3layer", "jet-hls4ml"},
          .description = "16-64-32-32-5 with ReLU between, hls4ml's jet tagger",
          .layers = hls4ml_jet};
}

}  // namespace lathe::model
