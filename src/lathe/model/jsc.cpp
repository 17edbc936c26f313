#include "lathe/model/sequence.h"
#include "lathe/model/zoo.h"

// The jet networks of MASE and its labs. Hidden widths are fixed; the first width is the data's, the last the number
// of classes. Parameters (16 features, 5 classes): 327, 117, 5615, 3231, 661 each of the last four.
namespace lathe::model {
namespace {

Sequence seq_blocks() { return Sequence("seq_blocks"); }

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

std::vector<Layer> jsc_three_linear(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).relu().linear(16).relu().linear(request.classes).relu().layers();
}

std::vector<Layer> jsc_three_linear_v1(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).linear(16).linear(request.classes).relu().layers();
}

std::vector<Layer> jsc_three_linear_logits(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).relu().linear(16).relu().linear(request.classes).layers();
}

std::vector<Layer> jsc_three_linear_v1_logits(const ModelRequest& request) {
  return seq_blocks().norm().relu().linear(16).linear(16).linear(request.classes).layers();
}

}  // namespace

ZooEntry jsc_toy_network() {
  return {.name = "jsc-toy",
          .aliases = {},
          .description = "16-8-8-5 with batch norm and ReLU behind each layer",
          .layers = jsc_toy};
}

ZooEntry jsc_tiny_network() {
  return {.name = "jsc-tiny",
          .aliases = {},
          .description = "one layer 16-5 between ReLUs, batch norm first",
          .layers = jsc_tiny};
}

ZooEntry jsc_s_network() {
  return {.name = "jsc-s",
          .aliases = {"jsc-small"},
          .description = "16-64-32-32-32-5, LogicNets' JSC-S as MASE meant it",
          .layers = jsc_s};
}

ZooEntry jsc_trt_network() {
  return {.name = "jsc-trt",
          .aliases = {},
          .description = "16-32-48-16-5 with batch norm, ReLU and dropout",
          .layers = jsc_trt};
}

ZooEntry jsc_three_linear_network() {
  return {.name = "jsc-three-linear-layers",
          .aliases = {"jsc-three-linear", "jsc-d", "jsc-three-linear-layers-v2", "jsc-three-linear-v2"},
          .description = "16-16-16-5 with ReLU behind each layer (layers at 2, 4, 6), the labs' network",
          .layers = jsc_three_linear};
}

ZooEntry jsc_three_linear_v1_network() {
  return {.name = "jsc-three-linear-layers-v1",
          .aliases = {"jsc-three-linear-v1"},
          .description = "16-16-16-5 without activations between the layers (layers at 2, 3, 4)",
          .layers = jsc_three_linear_v1};
}

ZooEntry jsc_three_linear_logits_network() {
  return {.name = "jsc-three-linear-layers-logits",
          .aliases = {"jsc-three-linear-logits", "jsc-d-logits", "jsc-three-linear-layers-v2-logits"},
          .description = "jsc-three-linear-layers without the ReLU on its logits, which caps accuracy",
          .layers = jsc_three_linear_logits};
}

ZooEntry jsc_three_linear_v1_logits_network() {
  return {.name = "jsc-three-linear-layers-v1-logits",
          .aliases = {"jsc-three-linear-v1-logits"},
          .description = "jsc-three-linear-layers-v1 without the ReLU on its logits",
          .layers = jsc_three_linear_v1_logits};
}

}  // namespace lathe::model
