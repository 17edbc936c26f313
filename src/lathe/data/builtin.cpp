#include "lathe/data/dataset.h"

namespace lathe::data {

#define ENTRY(declare) DatasetKind declare();
#include "lathe/data/builtin.def"
#undef ENTRY

namespace {

std::vector<DatasetKind> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/data/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<DatasetKind>& dataset_kinds() {
  static const Registry<DatasetKind> registry("data set", listed());
  return registry;
}

}  // namespace lathe::data
