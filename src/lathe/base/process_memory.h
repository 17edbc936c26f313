#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace lathe {

/// Returns the bytes that this process can still use without swapping: what the machine has available, or less where a
/// control group (container, Slurm job) limits it; nullopt where that cannot be known. `root` is where /proc and /sys
/// are looked for.
std::optional<std::int64_t> available_memory(const std::filesystem::path& root = "/");

/// Returns the most bytes of physical memory that this process had at one time since it began, or since
/// restart_peak_memory.
std::int64_t peak_memory();
/// Returns the bytes of physical memory that this process has now; 0 where that cannot be known.
std::int64_t resident_memory();
/// Lets peak_memory count anew from what is in use now. A hint: what cannot be done is left.
void restart_peak_memory();

/// Prints `512 kB`, `31.2 MB`, `20.1 GB` (powers of 1000).
std::string memory_text(std::int64_t bytes);

}  // namespace lathe
