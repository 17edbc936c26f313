#include "lathe/model/jsc.h"

#include "lathe/model/sequence.h"

namespace lathe::model {
namespace {

Sequence seq_blocks() { return Sequence("seq_blocks"); }

}  // namespace

std::vector<Layer> jsc_toy(const ModelRequest& request) {
  Sequence net = seq_blocks();
  net.norm().relu().linear(8).norm().relu().linear(8).norm().relu();
  return net.linear(request.classes).norm().relu().layers();
}

std::vector<Layer> jsc_tiny(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(request.classes).relu().layers();
}

std::vector<Layer> jsc_s(const ModelRequest& request) {
  Sequence net("module_list");
  net.norm().relu().linear(64).norm().relu().linear(32).relu().linear(32).relu().linear(32).relu();
  return net.linear(request.classes).norm().relu().layers();
}

std::vector<Layer> jsc_trt(const ModelRequest& request) {
  Sequence net = seq_blocks();
  net.norm().relu().linear(32).norm().relu().linear(48).norm().relu().add("dropout", {{"p", 0.5}});
  return net.linear(16).norm().relu().linear(request.classes).norm().relu().layers();
}

std::vector<Layer> jsc_three_linear_logits(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).relu().linear(16).relu().linear(request.classes).layers();
}

std::vector<Layer> jsc_three_linear(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).relu().linear(16).relu().linear(request.classes).relu().layers();
}

std::vector<Layer> jsc_three_linear_v1_logits(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).linear(16).linear(request.classes).layers();
}

std::vector<Layer> jsc_three_linear_v1(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).linear(16).linear(request.classes).relu().layers();
}

}  // namespace lathe::model
