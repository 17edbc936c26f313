#include "lathe/onnx/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lathe/base/log.h"
#include "lathe/base/random.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/device.h"
#include "lathe/cli/network.h"
#include "lathe/cli/terminal.h"
#include "lathe/ir/report.h"
#include "lathe/onnx/import.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kCheckedRows = 4;

/// Holds what --check found.
struct Check {
  bool same_graph = false;
  double largest_difference = 0;  ///< between the outputs of the network and of the file, for random rows
};

/// Makes random rows: tokens where an embedding reads them, else normal numbers.
data::Samples random_rows(const ir::Graph& graph) {
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
  return samples;
}

std::vector<float> outputs(const config::Settings& settings, const ir::Graph& graph, const engine::State& state,
                           const data::Samples& rows) {
  const auto backend = choose_backend(settings, graph, {});
  const auto session = backend->make_session(graph, {.batch_size = kCheckedRows, .training = false});
  session->load(state);
  std::vector<float> values(static_cast<std::size_t>(kCheckedRows * element_count(graph.output().output_shape)));
  session->predict(rows, 0, kCheckedRows, values);
  return values;
}

/// Reads the file again and compares networks and outputs.
Check check(const config::Settings& settings, const StartingPoint& start, const std::string& file) {
  const onnx::ImportedModel read = onnx::import_onnx(file);
  const data::Samples rows = random_rows(start.graph);
  const std::vector<float> ours = outputs(settings, start.graph, *start.state, rows);
  const std::vector<float> theirs = outputs(settings, read.graph, read.state, rows);
  Check result{.same_graph = ir::to_text(read.graph) == ir::to_text(start.graph)};
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i]));
    if (!(difference <= result.largest_difference)) result.largest_difference = difference;
    if (std::isnan(difference)) break;
  }
  return result;
}

std::string json_text(const StartingPoint& start, const std::string& file, const std::string& format,
                      const std::optional<Check>& checked) {
  Json json = {{"schema_version", 1},
               {"model", start.graph.name},
               {"weights", start.weights_origin},
               {"format", format},
               {"file", file}};
  if (checked)
    json["check"] = {{"same_graph", checked->same_graph}, {"largest_difference", checked->largest_difference}};
  return json.dump(2) + "\n";
}

std::string report_text(const StartingPoint& start, const std::string& file, const std::string& format,
                        const std::optional<Check>& checked) {
  std::string text = fmt::format("Written: {} ({}, {} with the weights of {})\n", file, format, start.graph.name,
                                 start.weights_origin);
  if (checked)
    text +=
        fmt::format("Checked: read again it is {}; largest difference of an output: {}\n",
                    checked->same_graph ? "the same network" : "a network of other nodes", checked->largest_difference);
  return text;
}

ExitCode run_export(const Invocation& invocation) {
  const StartingPoint start = network_without_data(invocation);
  if (!start.state)
    throw UserError("--load", "is missing: lathe export writes trained weights (training_ckpts/best.safetensors)");
  const std::string format = invocation.text("--format").value_or("onnx");
  const std::string file = invocation.text("--output").value_or(start.graph.name + ".onnx");
  onnx::export_onnx(start.graph, *start.state, file, {.form = onnx::parse_export_form(format)});
  std::optional<Check> checked;
  if (invocation.has("--check")) checked = check(invocation.settings, start, file);
  print(invocation.json ? json_text(start, file, format, checked) : report_text(start, file, format, checked));
  return ExitCode::kSuccess;
}

}  // namespace

Command export_command() {
  std::vector<Flag> flags = {
      {.names = {"--format"},
       .value_name = "FORM",
       .help = "onnx: float32; qonnx: number formats as Quant nodes; qdq: int8 and uint8 (default: onnx)",
       .choices = {"onnx", "qonnx", "qdq"}},
      {.names = {"--output", "-o"}, .value_name = "PATH", .help = "ONNX file to write (default: MODEL.onnx here)"},
      {.names = {"--check"}, .value_name = "", .help = "read the file again and compare networks and outputs"}};
  for (Flag& flag : from_flags()) flags.push_back(std::move(flag));
  return {
      .name = "export",
      .summary = "write a network with its weights as an ONNX file",
      .description =
          "Writes the network of --load, or of a trial of a search, in evaluation mode as an ONNX file with an open "
          "batch dimension. A quantised network becomes QONNX (any integers; the float weights stay) or QDQ (8 bits "
          "or less), which ONNX Runtime runs with integers. For a plain state dict name its MODEL and DATASET. What "
          "is written: docs/onnx.md.",
      .examples = {{"lathe export --load lathe_output/run/training_ckpts/best.safetensors --output net.onnx --check",
                    "writes a checkpoint and reads it again"},
                   {"lathe export --from best.json --trial 3 --format qonnx --output trial3.onnx",
                    "a quantised candidate of a search, for FINN or hls4ml"}},
      .flags = std::move(flags),
      .takes_model = true,
      .takes_dataset = true,
      .run = run_export};
}

}  // namespace lathe::cli
