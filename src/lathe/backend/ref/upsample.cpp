#include <algorithm>
#include <cmath>

#include "lathe/backend/ref/plane_map.h"

namespace lathe::backend::ref {
namespace {

// torch.nn.Upsample with integer factors; bilinear with align_corners=False.
class Upsample {
 public:
  explicit Upsample(const NodeState& state)
      : in_(plane_of(state.in_shapes[0])),
        out_(plane_of(state.out_shape())),
        factor_(pair_of(state.node->integers("scale_factor"), 1)),
        bilinear_(state.node->string("mode") == "bilinear") {}

  template <typename Visit>
  void for_each_source(std::size_t place, Visit visit) const {
    const Neighbours rows = neighbours(0, static_cast<std::int64_t>(place) / out_[1]);
    const Neighbours columns = neighbours(1, static_cast<std::int64_t>(place) % out_[1]);
    for (std::size_t y = 0; y < 2; ++y)
      for (std::size_t x = 0; x < 2; ++x)
        visit(static_cast<std::size_t>(rows.index[y] * in_[1] + columns.index[x]), rows.share[y] * columns.share[x]);
  }

 private:
  struct Neighbours {
    std::int64_t index[2];
    double share[2];
  };
  Neighbours neighbours(std::size_t dimension, std::int64_t at) const {
    const std::int64_t factor = factor_[dimension], last = in_[dimension] - 1;
    if (!bilinear_) return {{at / factor, at / factor}, {1, 0}};
    const double source = std::max((static_cast<double>(at) + 0.5) / static_cast<double>(factor) - 0.5, 0.0);
    const auto low = std::min(static_cast<std::int64_t>(source), last);
    const double share = source - static_cast<double>(low);
    return {{low, std::min(low + 1, last)}, {1 - share, share}};
  }

  Window::Pair in_, out_, factor_;
  bool bilinear_;
};

}  // namespace

Kernel upsample_kernel() { return plane_map_kernel<Upsample>("upsample"); }

}  // namespace lathe::backend::ref
