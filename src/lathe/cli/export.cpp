#include "lathe/onnx/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/app/device.h"
#include "lathe/app/network.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/base/random.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/trial_flags.h"
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

/// Holds what to write.
struct Export {
  app::StartingPoint start;
  std::string file, format;
  bool raw_rows = false;  ///< the file takes rows as they are in the user's files

  const std::optional<data::Preprocessing>& preprocessing() const { return start.preprocessing; }
};

/// Makes random rows: tokens where an embedding reads them, else normal numbers, spread as the raw rows are where the
/// file takes those.
data::Samples random_rows(const Export& wanted) {
  const ir::Graph& graph = wanted.start.graph;
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
  if (wanted.raw_rows) data::undo_scaling(*wanted.preprocessing(), samples.features);
  return samples;
}

/// Computes what a network gives for rows; with a preprocessing for raw ones, in the units of the targets.
std::vector<float> outputs(const recipe::Settings& settings, const ir::Graph& graph, const engine::State& state,
                           data::Samples rows, const std::optional<data::Preprocessing>& preprocessing) {
  if (preprocessing) data::prepare_values(*preprocessing, rows.features);
  const auto backend = app::choose_backend(settings, graph, {});
  const auto session = backend->compile(graph, {.batch_size = kCheckedRows, .training = false})->make_session();
  session->load(state);
  std::vector<float> values(static_cast<std::size_t>(kCheckedRows * element_count(graph.output().output_shape)));
  session->predict(rows, 0, kCheckedRows, values);
  if (preprocessing && !preprocessing->targets.empty())
    data::undo_scaling(data::scaling_of(preprocessing->targets), values);
  return values;
}

/// Reads the file again and compares networks and outputs: those of raw rows where the file takes such.
Check check(const recipe::Settings& settings, const Export& wanted) {
  const app::StartingPoint& start = wanted.start;
  const onnx::ImportedModel read = onnx::import_onnx(wanted.file);
  const data::Samples rows = random_rows(wanted);
  const std::optional<data::Preprocessing> none;
  const bool raw = wanted.raw_rows;
  const std::vector<float> ours =
      outputs(settings, start.graph, *start.state, rows, raw ? wanted.preprocessing() : none);
  const std::vector<float> theirs = outputs(settings, read.graph, read.state, rows, raw ? read.preprocessing : none);
  Check result{.same_graph = ir::to_text(read.graph) == ir::to_text(start.graph)};
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i]));
    if (!(difference <= result.largest_difference)) result.largest_difference = difference;
    if (std::isnan(difference)) break;
  }
  return result;
}

std::string json_text(const Export& wanted, const std::optional<Check>& checked) {
  Json json = {{"schema_version", 1},
               {"model", wanted.start.graph.name},
               {"weights", wanted.start.weights_origin},
               {"format", wanted.format},
               {"file", wanted.file},
               {"rows", wanted.raw_rows ? "raw" : "preprocessed"},
               {"preprocessing", app::preprocessing_json(wanted.preprocessing())}};
  if (checked)
    json["check"] = {{"same_graph", checked->same_graph}, {"largest_difference", checked->largest_difference}};
  return dump_json(json, 2) + "\n";
}

/// Prints (x / 255 - mean) / deviation as far as it is done.
std::string formula(const data::Preprocessing& preprocessing) {
  std::string text = preprocessing.divisor == 1 ? "x" : fmt::format("x / {}", preprocessing.divisor);
  if (preprocessing.channels_last) text += " with the channels first";
  return preprocessing.scaling.empty() ? text : fmt::format("({} - mean) / deviation", text);
}

/// Says in one line what rows the file takes, and what it gives.
std::string rows_text(const Export& wanted) {
  const std::optional<data::Preprocessing>& done = wanted.preprocessing();
  if (!done) return "Takes rows that are scaled as in training: the weights' file does not say how.\n";
  const char* units = done->changes_targets() ? " and gives targets in their units" : "";
  if (!done->changes_rows() && *units == '\0') return "Takes raw rows: they are not scaled.\n";
  if (wanted.raw_rows) return fmt::format("Takes raw rows{}: {} is part of the network.\n", units, formula(*done));
  return fmt::format(
      "Begins behind the scaling{}: rows are {}; the numbers are in its metadata, "
      "lathe.preprocessing.\n",
      *units == '\0' ? "" : " and ends before that of the targets", formula(*done));
}

std::string report_text(const Export& wanted, const std::optional<Check>& checked) {
  std::string text = fmt::format("Written: {} ({}, {} with the weights of {})\n", wanted.file, wanted.format,
                                 wanted.start.graph.name, wanted.start.weights_origin);
  text += rows_text(wanted);
  if (checked)
    text +=
        fmt::format("Checked: read again it is {}; largest difference of an output: {}\n",
                    checked->same_graph ? "the same network" : "a network of other nodes", checked->largest_difference);
  return text;
}

/// Decides whether the file takes raw rows. By default those of hardware tools do not: they want integers alone.
bool takes_raw_rows(const Invocation& invocation, const app::StartingPoint& start, onnx::ExportForm form) {
  const bool with = invocation.has("--with-preprocessing"), without = invocation.has("--without-preprocessing");
  if (with && without) throw UserError("--with-preprocessing", "contradicts --without-preprocessing; give one of them");
  if (with && !start.preprocessing)
    throw UserError("--with-preprocessing",
                    fmt::format("{} does not say how its rows were scaled (another program or an earlier lathe wrote "
                                "it); weights that this lathe trains do",
                                start.weights_origin));
  return start.preprocessing && !without && (with || form != onnx::ExportForm::kQonnx);
}

ExitCode run_export(const Invocation& invocation) {
  Export wanted{.start = app::network_without_data(invocation), .file = {}, .format = {}};
  const app::StartingPoint& start = wanted.start;
  if (!start.state)
    throw UserError("--load", "is missing: lathe export writes trained weights (training_ckpts/best.safetensors)");
  wanted.format = invocation.text("--format").value_or("onnx");
  wanted.file = invocation.text("--output").value_or(start.graph.name + ".onnx");
  const onnx::ExportForm form = onnx::parse_export_form(wanted.format);
  wanted.raw_rows = takes_raw_rows(invocation, start, form);
  onnx::export_onnx(start.graph, *start.state, wanted.file,
                    {.form = form, .preprocessing = start.preprocessing, .raw_rows = wanted.raw_rows});
  std::optional<Check> checked;
  if (invocation.has("--check")) checked = check(invocation.settings, wanted);
  print(invocation.json ? json_text(wanted, checked) : report_text(wanted, checked));
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
      {.names = {"--with-preprocessing"},
       .value_name = "",
       .help = "the file takes raw rows: scaling is part of it (default of onnx and qdq)"},
      {.names = {"--without-preprocessing"},
       .value_name = "",
       .help = "the file begins behind the scaling, which is in its metadata alone (default of qonnx)"},
      {.names = {"--check"}, .value_name = "", .help = "read the file again and compare networks and outputs"}};
  for (Flag& flag : trial_flags()) flags.push_back(std::move(flag));
  return {
      .name = "export",
      .summary = "write a network with its weights as an ONNX file",
      .description =
          "Writes the network of --load, or of a trial of a search, in evaluation mode as an ONNX file with an open "
          "batch dimension. A quantised network becomes QONNX (any integers; the float weights stay) or QDQ (8 bits "
          "or less), which ONNX Runtime runs with integers. The scaling of the training rows is part of onnx and qdq: "
          "they take raw rows, and give targets in their units; qonnx begins behind it. For a plain state dict name "
          "its MODEL and DATASET. What "
          "is written: docs/onnx.md.",
      .examples = {{"lathe export --load lathe_output/run/training_ckpts/best.safetensors --output net.onnx --check",
                    "writes a checkpoint and reads it again"},
                   {"lathe export --from best.json --trial 3 --format qonnx --output trial3.onnx",
                    "a quantised candidate of a search, for FINN or hls4ml"},
                   {"lathe export --load best.safetensors --without-preprocessing --output net.onnx",
                    "a network for rows that are scaled already"}},
      .flags = std::move(flags),
      .takes_model = true,
      .takes_dataset = true,
      .takes_trial = true,
      .run = run_export};
}

}  // namespace lathe::cli
