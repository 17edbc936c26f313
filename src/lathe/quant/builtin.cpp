#include "lathe/quant/builtin.h"

#include "lathe/quant/integer.h"

namespace lathe::quant {

std::vector<FormatKind> builtin_format_kinds() {
  return {
      integer_format_kind(),
  };
}

}  // namespace lathe::quant
