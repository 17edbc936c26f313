#include "lathe/model/hls4ml.h"

namespace lathe::model {
namespace {

Layer linear(std::string path, std::int64_t out_features) {
  return {"linear", std::move(path), {{"out_features", out_features}}};
}

}  // namespace

std::vector<Layer> hls4ml_jet(const ModelRequest& request) {
  return {linear("fc1", 64),
          {"relu", "relu1"},
          linear("fc2", 32),
          {"relu", "relu2"},
          linear("fc3", 32),
          {"relu", "relu3"},
          linear("fc4", request.classes)};
}

}  // namespace lathe::model
