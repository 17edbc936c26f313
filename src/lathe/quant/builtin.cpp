#include "lathe/quant/format.h"

namespace lathe::quant {

#define ENTRY(declare) FormatKind declare();
#include "lathe/quant/builtin.def"
#undef ENTRY

namespace {

std::vector<FormatKind> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/quant/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<FormatKind>& format_kinds() {
  static const Registry<FormatKind> registry("number format", listed());
  return registry;
}

}  // namespace lathe::quant
