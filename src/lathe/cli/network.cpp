#include "lathe/cli/network.h"

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/model/lint.h"
#include "lathe/model/zoo.h"
#include "lathe/study/loss_keys.h"

namespace lathe::cli {
namespace {

bool is_called(const data::DatasetKind& kind, const std::string& name) {
  return kind.name == name || std::find(kind.aliases.begin(), kind.aliases.end(), name) != kind.aliases.end();
}

model::ModelRequest usual_request(const config::Settings& settings) {
  const model::ZooEntry* entry = settings.model_is_table ? nullptr : model::find_model(settings.model);
  return entry == nullptr ? model::ModelRequest() : entry->usual;
}

}  // namespace

model::ModelRequest model_request(const data::Dataset& dataset) {
  return {.input_shape = dataset.train.row_shape(),
          .classes = dataset.outputs(),
          .regression = dataset.task == data::Task::kRegression,
          .vocabulary = dataset.vocabulary,
          .positions = dataset.train.positions};
}

model::ModelRequest model_request(const config::Settings& settings) {
  if (settings.dataset.empty()) return usual_request(settings);
  const bool regression = study::task_of(settings) == data::Task::kRegression;
  for (const data::DatasetKind& kind : data::dataset_kinds())
    if (!regression && is_called(kind, settings.dataset) && kind.width > 0 && kind.classes > 0)
      return {.input_shape = kind.row_shape(), .classes = kind.classes};
  return model_request(*load_data(settings));
}

StartingPoint network_without_data(const Invocation& invocation) {
  const config::Settings& settings = invocation.settings;
  const std::string load_name = weights_to_load(invocation);
  std::optional<ir::Graph> named;
  if (!invocation.has("--from") && (settings.model_is_table || !settings.model.empty()))
    named = model::make_model(invocation.root, model_request(settings));
  if (!named && load_name.empty()) throw UserError("model", "no network: name a model, or a checkpoint with --load");
  StartingPoint start{named ? *named : ir::Graph(), std::nullopt, "fresh"};
  if (!load_name.empty()) {
    checkpoint::LoadedModel loaded = checkpoint::load_model(load_name, named ? &*named : nullptr);
    log::info("Loaded model from {}", load_name);
    start = {std::move(loaded.graph), std::move(loaded.state), load_name};
  }
  if (const auto sentence = model::relu_on_logits(start.graph)) log::warning_once(*sentence);
  return start;
}

}  // namespace lathe::cli
