#pragma once

#include <random>
#include <string>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir::test {

/// Makes random image networks: branches, sums, concatenations, depthwise and plain convolutions.
class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : random_(seed), builder_("random", {3, 4, 4}) {}

  Graph build() {
    values_.push_back(add_conv(0, 4));
    for (int i = 0; i < 12; ++i) values_.push_back(grow());
    builder_.add("flatten", "");
    builder_.add("linear", "head",
                 {{"in_features", 16 * width(builder_.graph().nodes.size() - 2)}, {"out_features", std::int64_t{5}}});
    return std::move(builder_).finish();
  }

 private:
  std::size_t pick(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }
  std::size_t any() { return values_[pick(values_.size())]; }
  std::int64_t width(std::size_t node) const { return builder_.graph().nodes[node].output_shape.front(); }

  std::size_t add_conv(std::size_t input, std::int64_t out, std::int64_t groups = 1) {
    return builder_.add("conv2d", "c" + std::to_string(count_++),
                        {{"in_channels", width(input)},
                         {"out_channels", out},
                         {"kernel_size", std::int64_t{3}},
                         {"padding", std::int64_t{1}},
                         {"groups", groups}},
                        {input});
  }
  std::size_t grow() {
    const std::size_t input = any();
    switch (pick(6)) {
      case 0: return add_conv(input, static_cast<std::int64_t>(1 + pick(6)));
      case 1: return add_conv(input, width(input) * static_cast<std::int64_t>(1 + pick(2)), width(input));
      case 2:
        return builder_.add("batch_norm2d", "n" + std::to_string(count_++), {{"num_features", width(input)}}, {input});
      case 3: return builder_.add("concat", "", {}, {input, any()});
      case 4: return builder_.add("add", "", {}, {input, add_conv(any(), width(input))});
      default: return builder_.add("relu", "", {}, {input});
    }
  }

  std::mt19937 random_;
  GraphBuilder builder_;
  std::vector<std::size_t> values_;
  int count_ = 0;
};

}  // namespace lathe::ir::test
