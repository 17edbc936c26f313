#include "lathe/data/kinds.h"

namespace lathe::data {

const std::vector<DatasetKind>& dataset_kinds() {
  static const std::vector<DatasetKind> kinds = {
      jets_kind(),
      toy_tiny_kind(),
  };
  return kinds;
}

}  // namespace lathe::data
