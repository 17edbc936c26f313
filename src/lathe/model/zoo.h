#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/config/value.h"
#include "lathe/model/chain.h"

/// The networks that have a name. One line of builtin.def each.
namespace lathe::model {

/// Says what a network reads.
enum class Rows { kFeatures, kImages, kTexts, kFeaturesOrImages };

/// Declares a network: its layers for the data's rows and classes.
struct ZooEntry {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::vector<Layer> (*layers)(const ModelRequest&);
  Rows rows = Rows::kFeatures;
  ModelRequest usual = {};  ///< where there is no data: what the network was made for
};

/// Returns all entries, in the order of builtin.def.
const Registry<ZooEntry>& zoo();
/// Finds an entry by name or alias; underscores count as dashes, capitals as small letters. Null when there is none.
const ZooEntry* find_model(std::string_view name);
/// Makes a network of the zoo. The graph carries the zoo's name. Throws UserError with the nearest names, and where the
/// rows are none that the network reads (images for a network of features).
ir::Graph make_model(std::string_view name, const ModelRequest& request);
/// Makes the network that a study file names: `model = "jsc-tiny"`, or a `[model]` table (see layers.h). Throws
/// UserError with position.
ir::Graph make_model(const config::Value& root, const ModelRequest& request);

/// Returns the end of an error about a node that has no width, when the user meant another version of the same network:
/// `; in jsc-three-linear-layers-v1 seq_blocks_3 is Linear(...)`. Empty otherwise.
std::string other_version_hint(const ir::Graph& graph, const std::string& node);

}  // namespace lathe::model
