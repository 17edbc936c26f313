#include "lathe/model/sequence.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

// MASE's toy network for any data: features-8-8-classes, ReLU between, none on the logits.
std::vector<Layer> toy(const ModelRequest& request) {
  return Sequence("seq_blocks").linear(8).relu().linear(8).relu().linear(request.classes).layers();
}

}  // namespace

ZooEntry toy_network() {
  return {.name = "toy", .aliases = {}, .description = "features-8-8-classes with ReLU between", .layers = toy};
}

}  // namespace lathe::model
