#include "lathe/app/export.h"

#include <fmt/format.h>

#include <cmath>

#include "lathe/app/device.h"
#include "lathe/app/network.h"
#include "lathe/base/error.h"
#include "lathe/base/random.h"

namespace lathe::app {
namespace {

constexpr std::int64_t kCheckedRows = 4;

// Makes random rows: tokens where an embedding reads them, else normal numbers, spread as the raw rows are where the
// file takes those.
data::Samples random_rows(const ExportResult& written) {
  const ir::Graph& graph = written.network.graph;
  data::Samples samples;
  samples.shape = graph.input().output_shape;
  samples.width = element_count(samples.shape);
  samples.positions = graph.output().output_shape.size() == 2 ? graph.output().output_shape[0] : 1;
  samples.labels.assign(static_cast<std::size_t>(kCheckedRows * samples.positions), 0);
  const std::vector<std::size_t> readers = graph.users(0);
  const ir::Node& reader = graph.nodes[readers.front()];
  RandomStream stream(0, {}, "export_check");
  for (std::int64_t i = 0; i < kCheckedRows * samples.width; ++i) {
    const bool token = reader.op == "embedding";
    const double value =
        token ? static_cast<double>(stream.below(static_cast<std::uint64_t>(reader.integer("num_embeddings"))))
              : stream.normal();
    samples.features.push_back(static_cast<float>(value));
  }
  if (written.raw_rows) data::undo_scaling(*written.network.preprocessing, samples.features);
  return samples;
}

// Computes what a network gives for rows; with a preprocessing for raw ones, in the units of the targets.
std::vector<float> outputs(const recipe::Settings& settings, const ir::Graph& graph, const engine::State& state,
                           data::Samples rows, const std::optional<data::Preprocessing>& preprocessing) {
  if (preprocessing) data::prepare_values(*preprocessing, rows.features);
  const auto backend = choose_backend(settings, graph, {});
  const auto session = backend->compile(graph, {.batch_size = kCheckedRows, .training = false})->make_session();
  session->load(state);
  std::vector<float> values(static_cast<std::size_t>(kCheckedRows * element_count(graph.output().output_shape)));
  session->predict(rows, 0, kCheckedRows, values);
  if (preprocessing && !preprocessing->targets.empty())
    data::undo_scaling(data::scaling_of(preprocessing->targets), values);
  return values;
}

// Reads the file again and compares networks and outputs: those of raw rows where the file takes such.
ExportCheck checked(const recipe::Settings& settings, const Exporter& exporter, const ExportResult& written) {
  const StartingPoint& network = written.network;
  const ReadNetwork read = exporter.read(written.file);
  const data::Samples rows = random_rows(written);
  const std::optional<data::Preprocessing> none;
  const bool raw = written.raw_rows;
  const std::vector<float> ours =
      outputs(settings, network.graph, *network.state, rows, raw ? network.preprocessing : none);
  const std::vector<float> theirs = outputs(settings, read.graph, read.state, rows, raw ? read.preprocessing : none);
  ExportCheck result{.same_graph = ir::to_text(read.graph) == ir::to_text(network.graph)};
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i]));
    if (!(difference <= result.largest_difference)) result.largest_difference = difference;
    if (std::isnan(difference)) break;
  }
  return result;
}

bool has_option(const Exporter& exporter, const std::string& name) {
  for (const ExporterOption& option : exporter.options)
    if (option.name == name) return true;
  return false;
}

void check_request(const Exporter& exporter, const ExportRequest& wanted) {
  for (const auto& [name, text] : wanted.options) {
    if (!has_option(exporter, name))
      throw UserError("--" + name, fmt::format("does not go with --format {}", exporter.name));
  }
  if (wanted.check && !exporter.read)
    throw UserError("--check", fmt::format("reads the file again, and lathe reads no files of {}", exporter.name));
}

}  // namespace

ExportResult export_network(const Request& request, const ExportRequest& wanted) {
  const Exporter& exporter = wanted.format.empty() ? *exporters().begin() : exporters().at(wanted.format, "--format");
  check_request(exporter, wanted);
  ExportResult result{.network = network_without_data(request), .format = exporter.name, .file = wanted.file};
  const StartingPoint& network = result.network;
  if (!network.state)
    throw UserError("--load", "is missing: lathe export writes trained weights (training_ckpts/best.safetensors)");
  if (result.file.empty()) result.file = network.graph.name + exporter.suffix;
  if (exporter.check) exporter.check(network.graph);
  result.raw_rows = exporter.write({.graph = network.graph,
                                    .state = *network.state,
                                    .weights = network.weights_origin,
                                    .options = wanted.options,
                                    .preprocessing = network.preprocessing},
                                   result.file);
  if (wanted.check) result.check = checked(request.settings, exporter, result);
  return result;
}

}  // namespace lathe::app
