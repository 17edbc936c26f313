#include "lathe/app/inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/app/network.h"
#include "lathe/app/training.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/base/profile.h"
#include "lathe/checkpoint/data_facts.h"
#include "lathe/model/lint.h"
#include "lathe/model/zoo.h"
#include "lathe/recipe/checks.h"

namespace lathe::app {
namespace {

StartingPoint from_checkpoint(const checkpoint::LoadedModel& loaded, const std::optional<StartingPoint>& named,
                              const std::string& path) {
  if (loaded.own_graph && named && ir::to_text(named->graph, false) != ir::to_text(loaded.graph, false))
    log::warning("the network in {} is not {} as you named it; the file's is used", path, named->graph.name);
  log::info("Loaded model from {}", path);
  const auto hash = loaded.facts.find("data.hash");
  return {.graph = loaded.graph,
          .state = loaded.state,
          .weights_origin = path,
          .preprocessing = checkpoint::preprocessing_of(loaded.facts, path),
          .data_hash = hash == loaded.facts.end() ? "" : hash->second};
}

// Weights that were trained on other rows give other results, and nothing in their shapes shows it; on rows scaled in
// another way, wrong ones.
void warn_of_other_rows(const StartingPoint& start, const data::Dataset& dataset) {
  if (start.data_hash.empty() || start.data_hash == dataset.fingerprint.hash) return;
  const char* scaling = start.preprocessing
                            ? "(seed, validation_fraction, validation_rows, max_train_rows)"
                            : "or scaling (seed, validation_fraction, validation_rows, max_train_rows, standardise); "
                              "how its rows were scaled is not in the file (an earlier lathe wrote it), so these are "
                              "scaled by their own training rows";
  log::warning("{} was trained on rows with another fingerprint ({}, here {}): another data set, or another split {}",
               start.weights_origin, start.data_hash.substr(0, 12), dataset.fingerprint.hash.substr(0, 12), scaling);
}

void warn_of_idle_data_keys(const recipe::Settings& settings, const data::Dataset& dataset) {
  if (dataset.task != data::Task::kRegression)
    recipe::warn_of_idle_key(settings, "standardise_targets",
                             fmt::format("the task is {}, without targets", settings.task));
  if (dataset.vocabulary == 0)
    recipe::warn_of_idle_key(settings, "max_token_len", "the data set has no texts");
  else
    recipe::warn_of_idle_key(settings, "standardise", "texts have no scale");
  if (dataset.own_validation)
    recipe::warn_of_idle_key(settings, "validation_fraction", "the data set brings its validation part");
  else if (settings.validation_rows)
    recipe::warn_of_idle_key(settings, "validation_fraction", "validation_rows says how many");
}

}  // namespace

nlohmann::ordered_json preprocessing_json(const std::optional<data::Preprocessing>& preprocessing) {
  return preprocessing ? parse_json<nlohmann::ordered_json>(data::to_json(*preprocessing), "preprocessing")
                       : nlohmann::ordered_json();
}

std::shared_ptr<const data::Dataset> read_data(const recipe::Settings& settings, const std::string& name,
                                               const TrainedRows& trained, Progress* progress) {
  const PhaseScope phase(Phase::kData);
  constexpr std::int64_t kSteps = 1000;
  const auto task = begin_progress(progress, {.label = "reading", .total = kSteps, .unit = ""});
  return data::load_dataset(
      {.name = name,
       .data_dir = settings.data_dir,
       .seed = static_cast<std::uint64_t>(settings.seed),
       .validation_fraction = settings.validation_fraction,
       .validation_rows = settings.validation_rows,
       .max_train_rows = settings.max_train_rows,
       .standardise = settings.standardise,
       .layout = data::layout_named(settings.layout),
       .task = recipe::task_of(settings),
       .label = settings.label,
       .targets = settings.targets,
       .target_key = settings.target,
       .standardise_targets = settings.standardise_targets,
       .language_modeling = recipe::models_language(settings),
       .max_token_len = settings.max_token_len,
       .trained = trained.preprocessing,
       .keep_classes = trained.keep_classes,
       .progress = [&](double share) { task->set_done(static_cast<std::int64_t>(share * kSteps)); }});
}

std::shared_ptr<const data::Dataset> load_data(const recipe::Settings& settings, const TrainedRows& trained,
                                               Progress* progress) {
  log::info("Initialising dataset '{}'...", settings.dataset);
  auto dataset = read_data(settings, settings.dataset, trained, progress);
  const data::Fingerprint& data = dataset->fingerprint;
  log::info("{}: {} training, {} validation, {} test rows from {}", data.source, data.train_rows, data.validation_rows,
            data.test_rows, data.path);
  if (!data.notice.empty()) log::warning_once(data.notice);
  warn_of_idle_data_keys(settings, *dataset);
  return dataset;
}

StartingPoint starting_point(const Request& request, const data::Dataset& dataset) {
  const std::string load_name = request.weights_to_load();
  const auto named = named_network(request, [&] { return model_request(dataset); });
  if (!named && load_name.empty()) throw UserError("model", "no network: name a model, or a checkpoint with --load");
  StartingPoint start = named.value_or(StartingPoint());
  if (!load_name.empty()) start = from_checkpoint(load_network(load_name, named), named, load_name);
  check_fits(start.graph, dataset);
  warn_of_other_rows(start, dataset);
  if (const auto sentence = model::activation_on_logits(start.graph)) {
    log::warning_once(dataset.task == data::Task::kRegression
                          ? fmt::format("{} ends in an activation: not every value can be predicted", start.graph.name)
                          : *sentence);
  }
  return start;
}

}  // namespace lathe::app
