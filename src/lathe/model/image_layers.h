#pragma once

#include <string>
#include <vector>

#include "lathe/model/chain.h"

/// Layers that networks for images are made of.
namespace lathe::model {

/// Describes a square convolution.
struct Convolution {
  std::int64_t out_channels = 1;
  std::int64_t kernel_size = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t groups = 1;
  bool bias = true;

  std::vector<ir::Attribute> attributes() const {
    return {{"out_channels", out_channels}, {"kernel_size", kernel_size}, {"stride", stride},
            {"padding", padding},           {"groups", groups},           {"bias", bias}};
  }
};

inline Layer convolution(std::string path, const Convolution& shape) {
  return {"conv2d", std::move(path), shape.attributes()};
}

/// Collects the layers of a network whose modules stand in several containers.
class LayerList {
 public:
  /// Adds a layer behind the last one, or behind `inputs`.
  LayerList& add(Layer layer) {
    layers_.push_back(std::move(layer));
    return *this;
  }
  /// Adds convolution and batch norm, the convolution without bias.
  LayerList& normalised(const std::string& convolution_path, const std::string& norm_path, Convolution shape) {
    shape.bias = false;
    return add(convolution(convolution_path, shape)).add({"batch_norm2d", norm_path});
  }
  /// Returns the path of the last layer, or its node name.
  const std::string& last() const {
    return layers_.back().module_path.empty() ? layers_.back().node_name : layers_.back().module_path;
  }
  std::vector<Layer> layers() && { return std::move(layers_); }

 private:
  std::vector<Layer> layers_;
};

}  // namespace lathe::model
