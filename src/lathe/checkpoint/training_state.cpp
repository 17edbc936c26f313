#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/checkpoint/checksum.h"
#include "lathe/checkpoint/tensors.h"
#include "lathe/engine/state_layout.h"

namespace lathe::checkpoint {
namespace {

constexpr const char* kResumeKey = "lathe.resume";
constexpr const char* kIdentityPrefix = "identity.";
constexpr std::int64_t kHistoryColumns = 7;

void append(const engine::State& state, const std::string& prefix, SafetensorsFile& file) {
  for (const engine::NamedTensor& tensor : state) file.tensors.push_back(store_tensor(prefix + tensor.name, tensor));
}

double or_nan(const std::optional<double>& value) { return value.value_or(std::numeric_limits<double>::quiet_NaN()); }

std::optional<double> from_nan(double value) { return std::isnan(value) ? std::nullopt : std::optional<double>(value); }

StoredTensor store_history(const std::vector<engine::HistoryRow>& history) {
  std::vector<double> values;
  for (const engine::HistoryRow& row : history) {
    values.insert(values.end(),
                  {static_cast<double>(row.step), row.epoch, row.learning_rate, or_nan(row.train_loss),
                   or_nan(row.train_accuracy), or_nan(row.validation_loss), or_nan(row.validation_accuracy)});
  }
  return store_doubles("history", {static_cast<std::int64_t>(history.size()), kHistoryColumns}, values);
}

std::vector<engine::HistoryRow> read_history(const StoredTensor& tensor, const std::string& path) {
  if (tensor.shape.size() != 2 || tensor.shape[1] != kHistoryColumns)
    throw DataError(path,
                    fmt::format("history has shape {}, expected [rows, {}]", to_string(tensor.shape), kHistoryColumns));
  const std::vector<double> values = double_values(tensor, path);
  std::vector<engine::HistoryRow> history;
  for (std::size_t i = 0; i < values.size(); i += kHistoryColumns) {
    const double* v = values.data() + i;
    history.push_back(
        {static_cast<std::int64_t>(v[0]), v[1], v[2], from_nan(v[3]), from_nan(v[4]), from_nan(v[5]), from_nan(v[6])});
  }
  return history;
}

// Takes the tensors with a prefix in the order of `names`; tensors that no name asks for are an error of the file.
engine::State take(const SafetensorsFile& file, const std::string& prefix, const engine::State& pattern,
                   const std::string& path) {
  engine::State state;
  for (const engine::NamedTensor& tensor : pattern) {
    const auto found = std::find_if(file.tensors.begin(), file.tensors.end(),
                                    [&](const StoredTensor& stored) { return stored.name == prefix + tensor.name; });
    if (found == file.tensors.end()) throw DataError(path, fmt::format("tensor {}{} is missing", prefix, tensor.name));
    state.push_back({tensor.name, found->shape, float_values(*found, path), tensor.trainable, tensor.integral});
  }
  return state;
}

// The optimiser's tensors are known to its session alone; their order is that of the file's list of names.
engine::State take_optimizer(const SafetensorsFile& file, const nlohmann::json& names, const std::string& path) {
  engine::State pattern;
  for (const auto& name : names) pattern.push_back({json_value<std::string>(name), {}, {}, false, false});
  return take(file, "optimizer.", pattern, path);
}

nlohmann::json numbers_of(const TrainingState& training) {
  const engine::ResumePoint& point = training.point;
  nlohmann::json json = {{"steps", point.steps},
                         {"since_row", {point.since_row.loss_sum, point.since_row.correct, point.since_row.rows}},
                         {"optimizer", nlohmann::json::array()}};
  for (const engine::NamedTensor& tensor : training.optimizer) json["optimizer"].push_back(tensor.name);
  if (point.best_validation_loss) json["best_validation_loss"] = *point.best_validation_loss;
  return json;
}

void read_numbers(const nlohmann::json& json, engine::ResumePoint& point) {
  point.steps = json_member<std::int64_t>(json, "steps");
  const auto& sums = json_at(json, "since_row");
  point.since_row = {json_value<double>(sums.at(0)), json_value<std::int64_t>(sums.at(1)),
                     json_value<std::int64_t>(sums.at(2))};
  if (json.contains("best_validation_loss")) {
    point.best_validation_loss = json_member<double>(json, "best_validation_loss");
  }
}

TrainingState read_training_state(const SafetensorsFile& file, const ir::Graph& graph, const std::string& path) {
  const auto text = file.metadata.find(kResumeKey);
  if (text == file.metadata.end()) throw DataError(path, "is not the training state of a lathe run");
  const auto json = parse_json<nlohmann::json>(text->second, kResumeKey);
  const engine::State pattern = engine::state_layout(graph);
  TrainingState training;
  read_numbers(json, training.point);
  training.weights = take(file, "model.", pattern, path);
  engine::check_state(graph, training.weights, path);
  training.optimizer = take_optimizer(file, json_at(json, "optimizer"), path);
  if (training.point.best_validation_loss) training.point.best_state = take(file, "best.", pattern, path);
  const auto history = std::find_if(file.tensors.begin(), file.tensors.end(),
                                    [](const StoredTensor& tensor) { return tensor.name == "history"; });
  if (history == file.tensors.end()) throw DataError(path, "the history is missing");
  training.point.history = read_history(*history, path);
  for (const auto& [name, value] : file.metadata) {
    if (name.starts_with(kIdentityPrefix)) training.identity[name.substr(std::string(kIdentityPrefix).size())] = value;
  }
  return training;
}

}  // namespace

void save_training_state(const std::filesystem::path& path, const TrainingState& training) {
  SafetensorsFile file;
  append(training.weights, "model.", file);
  append(training.optimizer, "optimizer.", file);
  if (training.point.best_state) append(*training.point.best_state, "best.", file);
  file.tensors.push_back(store_history(training.point.history));
  file.metadata[kResumeKey] = numbers_of(training).dump();
  for (const auto& [name, value] : training.identity) file.metadata[kIdentityPrefix + name] = value;
  add_checksum(file);
  write_safetensors(path, file);
}

TrainingState load_training_state(const std::filesystem::path& path, const ir::Graph& graph) {
  if (!path_exists(path)) throw DataError(path.string(), "there is no training state to resume");
  const SafetensorsFile file = parse_safetensors(read_file(path), path.string());
  if (!check_checksum(file, path.string())) {
    log::info("{} has no checksum (an older lathe wrote it): damage in it is not seen", path.string());
  }
  try {
    return read_training_state(file, graph, path.string());
  } catch (const nlohmann::json::exception& error) {
    throw DataError(path.string(), fmt::format("the training state is damaged: {}", error.what()));
  }
}

}  // namespace lathe::checkpoint
