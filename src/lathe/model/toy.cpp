#include "lathe/model/toy.h"

#include "lathe/model/sequence.h"

namespace lathe::model {

std::vector<Layer> toy(const ModelRequest& request) {
  return Sequence("seq_blocks").linear(8).relu().linear(8).relu().linear(request.classes).layers();
}

}  // namespace lathe::model
