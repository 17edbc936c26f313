#include "lathe/app/network.h"

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/data_facts.h"
#include "lathe/model/lint.h"
#include "lathe/model/zoo.h"
#include "lathe/onnx/import.h"
#include "lathe/recipe/checks.h"

namespace lathe::app {
namespace {

model::ModelRequest usual_request(const recipe::Settings& settings) {
  const model::ZooEntry* entry = settings.model_is_table ? nullptr : model::find_model(settings.model);
  return entry == nullptr ? model::ModelRequest() : entry->usual;
}

bool is_onnx(const std::filesystem::path& path) { return path.extension() == ".onnx"; }

/// Paths of a study file count from its folder, those of the command line from where the user stands.
std::filesystem::path from_its_source(const config::Value& value) {
  const std::filesystem::path path = value.as_string();
  const std::string& source = value.position().file;
  if (path.is_absolute() || source.empty() || source == config::kCommandLine) return path;
  return std::filesystem::path(source).parent_path() / path;
}

StartingPoint imported(const std::filesystem::path& path) {
  onnx::ImportedModel model = onnx::import_onnx(path);
  log::info("Imported model from {}", path.string());
  return {.graph = std::move(model.graph),
          .state = std::move(model.state),
          .weights_origin = path.string(),
          .preprocessing = std::move(model.preprocessing)};
}

}  // namespace

std::optional<StartingPoint> named_network(const Request& request,
                                           const std::function<model::ModelRequest()>& asked_by_data) {
  const recipe::Settings& settings = request.settings;
  if (request.weights || (!settings.model_is_table && settings.model.empty())) return std::nullopt;
  if (!settings.model_is_table && is_onnx(settings.model))
    return imported(from_its_source(*request.root.find("model")));
  return StartingPoint{.graph = model::make_model(request.root, asked_by_data())};
}

checkpoint::LoadedModel load_network(const std::filesystem::path& path, const std::optional<StartingPoint>& named) {
  if (!is_onnx(path)) return checkpoint::load_model(path, named ? &named->graph : nullptr);
  StartingPoint read = imported(path);
  checkpoint::Facts facts;
  checkpoint::store_preprocessing(read.preprocessing, facts);
  return {std::move(read.graph), std::move(*read.state), std::move(facts), true};
}

std::shared_ptr<const data::Preprocessing> trained_preprocessing(const Request& request) {
  const recipe::Settings& settings = request.settings;
  std::filesystem::path path = request.weights_to_load();
  if (path.empty() && !settings.model_is_table && is_onnx(settings.model))
    path = from_its_source(*request.root.find("model"));
  if (path.empty()) return nullptr;
  const auto found = is_onnx(path) ? onnx::import_onnx(path).preprocessing
                                   : checkpoint::preprocessing_of(checkpoint::load_facts(path), path);
  return found ? std::make_shared<const data::Preprocessing>(*found) : nullptr;
}

model::ModelRequest model_request(const data::Dataset& dataset) {
  return {.input_shape = dataset.train.row_shape(),
          .classes = dataset.outputs(),
          .regression = dataset.task == data::Task::kRegression,
          .vocabulary = dataset.vocabulary,
          .positions = dataset.train.positions};
}

model::ModelRequest model_request(const recipe::Settings& settings, Progress* progress) {
  if (settings.dataset.empty()) return usual_request(settings);
  const bool regression = recipe::task_of(settings) == data::Task::kRegression;
  const data::DatasetKind* kind = data::dataset_kinds().find(settings.dataset);
  if (!regression && kind != nullptr && kind->width > 0 && kind->classes > 0)
    return {.input_shape = kind->row_shape(), .classes = kind->classes};
  return model_request(*load_data(settings, {}, progress));
}

StartingPoint network_without_data(const Request& request) {
  const std::string load_name = request.weights_to_load();
  const auto named = named_network(request, [&] { return model_request(request.settings, request.progress); });
  if (!named && load_name.empty()) throw UserError("model", "no network: name a model, or a checkpoint with --load");
  StartingPoint start = named.value_or(StartingPoint());
  if (!load_name.empty()) {
    checkpoint::LoadedModel loaded = load_network(load_name, named);
    log::info("Loaded model from {}", load_name);
    start = {.graph = std::move(loaded.graph),
             .state = std::move(loaded.state),
             .weights_origin = load_name,
             .preprocessing = checkpoint::preprocessing_of(loaded.facts, load_name)};
  }
  if (const auto sentence = model::activation_on_logits(start.graph)) log::warning_once(*sentence);
  return start;
}

}  // namespace lathe::app
