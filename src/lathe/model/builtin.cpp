#include "lathe/model/zoo.h"

namespace lathe::model {

#define ENTRY(declare) ZooEntry declare();
#include "lathe/model/builtin.def"
#undef ENTRY

namespace {

std::vector<ZooEntry> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/model/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<ZooEntry>& zoo() {
  static const Registry<ZooEntry> registry("model", listed(), Spelling::kHyphens);
  return registry;
}

}  // namespace lathe::model
