#pragma once

#include <string>
#include <vector>

#include "lathe/model/image_layers.h"

namespace lathe::model {

/// Collects the layers of a `Sequential` under one module path: `seq_blocks.0`, `seq_blocks.1`, ...
class Sequence {
 public:
  explicit Sequence(std::string path) : path_(std::move(path)) {}

  Sequence& add(std::string op, std::vector<ir::Attribute> attributes = {}) {
    layers_.push_back({std::move(op), path_ + "." + std::to_string(layers_.size()), std::move(attributes)});
    return *this;
  }
  Sequence& linear(std::int64_t out_features) { return add("linear", {{"out_features", out_features}}); }
  Sequence& conv2d(const Convolution& shape) { return add("conv2d", shape.attributes()); }
  Sequence& max_pool2d() { return add("max_pool2d", {{"kernel_size", std::int64_t{2}}}); }
  Sequence& norm() { return add("batch_norm1d"); }
  Sequence& relu() { return add("relu"); }
  std::vector<Layer> layers() const { return layers_; }
  /// Adds the layers to a longer list.
  void append_to(std::vector<Layer>& list) const { list.insert(list.end(), layers_.begin(), layers_.end()); }

 private:
  std::string path_;
  std::vector<Layer> layers_;
};

}  // namespace lathe::model
