#include "lathe/data/kinds.h"

namespace lathe::data {

const Registry<DatasetKind>& dataset_kinds() {
  static const Registry<DatasetKind> registry("data set", {
                                                              jets_kind(),
                                                              jsc_kind(),
                                                              jsc_openml_kind(),
                                                              toy_tiny_kind(),
                                                              cifar10_kind(),
                                                              mnist_kind(),
                                                              fashion_mnist_kind(),
                                                              arrays_kind(),
                                                          });
  return registry;
}

}  // namespace lathe::data
