#include "lathe/pruner/interval.h"

namespace lathe::pruner {

bool first_in_interval(std::span<const Report> own, std::int64_t warmup, std::int64_t interval) {
  const std::int64_t begin = (own.back().step - warmup) / interval * interval + warmup;
  return own.size() < 2 || own[own.size() - 2].step < begin;
}

}  // namespace lathe::pruner
