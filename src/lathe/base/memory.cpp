#include "lathe/base/memory.h"

#include <sys/mman.h>

#include <cstdint>

namespace lathe {

void prefer_huge_pages(std::span<const std::byte> memory) {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t kHugePage = std::uintptr_t{1} << 21;
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const std::uintptr_t end = (begin + memory.size()) / kHugePage * kHugePage;
  if (first >= end) return;
  void* const pages = reinterpret_cast<void*>(first);
  if (madvise(pages, end - first, MADV_HUGEPAGE) != 0) return;
  constexpr int kCollapse = 25;  // MADV_COLLAPSE of Linux 6.1: pages that are in use already are put together now
  static_cast<void>(madvise(pages, end - first, kCollapse));
#else
  static_cast<void>(memory);
#endif
}

}  // namespace lathe
