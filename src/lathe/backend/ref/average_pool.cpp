#include <algorithm>

#include "lathe/backend/ref/plane_map.h"

namespace lathe::backend::ref {
namespace {

// Divides by the window's area: its part inside the padded plane, or without count_include_pad inside the plane.
class AveragePool {
 public:
  explicit AveragePool(const NodeState& state)
      : window_(pooling_window(state)), counts_padding_(state.node->boolean("count_include_pad")) {}

  template <typename Visit>
  void for_each_source(std::size_t place, Visit visit) const {
    const double share = 1 / area(place);
    window_.for_each_tap(place, [&](std::size_t at, std::size_t) { visit(at, share); });
  }

 private:
  double area(std::size_t place) const {
    const Window::Pair begin = window_.corner(place);
    double area = 1;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t margin = counts_padding_ ? window_.padding[i] : 0;
      area *= static_cast<double>(std::min(begin[i] + window_.kernel[i], window_.in[i] + margin) -
                                  std::max(begin[i], -margin));
    }
    return area;
  }

  Window window_;
  bool counts_padding_;
};

// torch.nn.AdaptiveAvgPool2d: bin i of n covers [floor(i size / n), ceil((i + 1) size / n)).
class AdaptiveAveragePool {
 public:
  explicit AdaptiveAveragePool(const NodeState& state)
      : in_(plane_of(state.in_shapes[0])), out_(plane_of(state.out_shape())) {}

  template <typename Visit>
  void for_each_source(std::size_t place, Visit visit) const {
    const Bin rows = bin(0, static_cast<std::int64_t>(place) / out_[1]);
    const Bin columns = bin(1, static_cast<std::int64_t>(place) % out_[1]);
    const double share = 1 / static_cast<double>((rows.end - rows.begin) * (columns.end - columns.begin));
    for (std::int64_t y = rows.begin; y < rows.end; ++y)
      for (std::int64_t x = columns.begin; x < columns.end; ++x) visit(static_cast<std::size_t>(y * in_[1] + x), share);
  }

 private:
  struct Bin {
    std::int64_t begin, end;
  };
  Bin bin(std::size_t dimension, std::int64_t i) const {
    const std::int64_t size = in_[dimension], bins = out_[dimension];
    return {i * size / bins, ((i + 1) * size + bins - 1) / bins};
  }

  Window::Pair in_, out_;
};

}  // namespace

Kernel average_pool_kernel(const char* op) { return plane_map_kernel<AveragePool>(op); }
Kernel adaptive_average_pool_kernel(const char* op) { return plane_map_kernel<AdaptiveAveragePool>(op); }

}  // namespace lathe::backend::ref
