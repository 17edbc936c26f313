#include "lathe/data/kinds.h"

namespace lathe::data {

const std::vector<DatasetKind>& dataset_kinds() {
  static const std::vector<DatasetKind> kinds = {
      jets_kind(),    jsc_kind(),   jsc_openml_kind(),    toy_tiny_kind(),
      cifar10_kind(), mnist_kind(), fashion_mnist_kind(), arrays_kind(),
  };
  return kinds;
}

}  // namespace lathe::data
