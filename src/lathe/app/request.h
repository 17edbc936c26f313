#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/progress.h"
#include "lathe/config/value.h"
#include "lathe/recipe/settings.h"

/// What every piece of work is asked: a study file and its settings, and who looks on. Nothing of it is the process's.
namespace lathe::app {

struct Request {
  std::filesystem::path config_path = {};             ///< of the study file; empty: none
  config::Value root = {};                            ///< the study file, with what replaces its keys put in
  recipe::Settings settings = {};                     ///< the general settings, read from `root`
  std::optional<std::string> weights = std::nullopt;  ///< file to load in place of load_name: of a trial
  Progress* progress = nullptr;                       ///< is shown what takes long; null: nobody looks

  /// Returns the path of the weights to load; empty: fresh ones.
  std::string weights_to_load() const { return weights.value_or(settings.load_name); }
};

/// Makes a request of a study file. `overrides` are put in as if they stood there: dotted keys with TOML values. Throws
/// UserError as read_settings.
Request read_request(const std::filesystem::path& config_path,
                     const std::vector<std::pair<std::string, std::string>>& overrides = {});

}  // namespace lathe::app
