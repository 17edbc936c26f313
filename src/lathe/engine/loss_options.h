#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lathe/config/field.h"
#include "lathe/engine/loss.h"

/// What can be said of a loss beside its name.
namespace lathe::engine {

/// Declares an option of LossSettings, which the losses that read it name (LossDeclaration::options). Its bounds stand
/// here alone: the table of training settings reads them.
struct LossOption {
  std::string name;       ///< key of the setting
  config::Bounds bounds;  ///< of each of its numbers, which must be finite
  bool is_list = false;
  /// Returns its numbers; one where it is no list.
  std::vector<double> (*numbers)(const LossSettings&) = nullptr;
  /// Says what else is wrong with numbers within the bounds; empty: nothing. Null: nothing can be.
  std::string (*problem)(const std::vector<double>& numbers) = nullptr;
};

const std::vector<LossOption>& loss_options();
/// Finds an option by its name. Throws InternalError where there is none.
const LossOption& loss_option(std::string_view name);

}  // namespace lathe::engine
