#pragma once

#include <vector>

#include "lathe/model/chain.h"

/// The jet networks of MASE and its labs. Hidden widths are fixed; the first width is the data's, the last the number
/// of classes. Parameters (16 features, 5 classes): 327, 117, 5615, 3231, 661 each of the last four.
namespace lathe::model {

std::vector<Layer> jsc_toy(const ModelRequest& request);
std::vector<Layer> jsc_tiny(const ModelRequest& request);
std::vector<Layer> jsc_s(const ModelRequest& request);
std::vector<Layer> jsc_trt(const ModelRequest& request);
std::vector<Layer> jsc_three_linear(const ModelRequest& request);
std::vector<Layer> jsc_three_linear_v1(const ModelRequest& request);
std::vector<Layer> jsc_three_linear_logits(const ModelRequest& request);
std::vector<Layer> jsc_three_linear_v1_logits(const ModelRequest& request);

}  // namespace lathe::model
