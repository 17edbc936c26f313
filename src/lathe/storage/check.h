#pragma once

#include <cstddef>
#include <string>

#include "lathe/storage/storage.h"

/// What every storage demands of a trial before it keeps it.
namespace lathe::storage {

/// Throws InternalError unless the state of an ending trial is one that ends it.
void check_end(const Trial& trial);
/// Throws InternalError unless a trial of a study of `objectives` has the values that its state asks for: all when
/// complete, all or none when pruned, else none; never NaN.
void check_values(const Trial& trial, std::size_t objectives);
/// Throws UserError: `place` already holds a study of this name.
[[noreturn]] void throw_taken_name(const std::string& place, const std::string& name);
/// Throws SystemError: the study that is written to has been deleted. `kind` and `place` name the storage.
[[noreturn]] void throw_absent_study(const std::string& kind, const std::string& place);

}  // namespace lathe::storage
