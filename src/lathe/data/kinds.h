#pragma once

#include "lathe/data/dataset.h"

/// The data sets that builtin.cpp lists; each is declared in the source file of its name.
namespace lathe::data {

DatasetKind jets_kind();
DatasetKind jsc_kind();
DatasetKind jsc_openml_kind();
DatasetKind toy_tiny_kind();
DatasetKind cifar10_kind();
DatasetKind mnist_kind();
DatasetKind fashion_mnist_kind();
DatasetKind arrays_kind();

}  // namespace lathe::data
