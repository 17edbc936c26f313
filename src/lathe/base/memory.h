#pragma once

#include <cstddef>
#include <span>

namespace lathe {

/// Asks the system to keep memory that is read at random in huge pages: their addresses need fewer look-ups. A hint
/// about speed: what cannot be done is left (other systems than Linux, less than a huge page). The contents stay.
void prefer_huge_pages(std::span<const std::byte> memory);

}  // namespace lathe
