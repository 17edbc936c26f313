#include "lathe/app/export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/base/json.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/trial_flags.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string json_text(const app::ExportResult& result) {
  Json json = {{"schema_version", 1},
               {"model", result.network.graph.name},
               {"weights", result.network.weights_origin},
               {"format", result.format},
               {"file", result.file.string()},
               {"rows", result.raw_rows ? "raw" : "preprocessed"},
               {"preprocessing", app::preprocessing_json(result.network.preprocessing)}};
  if (result.check)
    json["check"] = {{"same_graph", result.check->same_graph},
                     {"largest_difference", result.check->largest_difference}};
  return dump_json(json, 2) + "\n";
}

/// Prints (x / 255 - mean) / deviation as far as it is done.
std::string formula(const data::Preprocessing& preprocessing) {
  std::string text = preprocessing.divisor == 1 ? "x" : fmt::format("x / {}", preprocessing.divisor);
  if (preprocessing.channels_last) text += " with the channels first";
  return preprocessing.scaling.empty() ? text : fmt::format("({} - mean) / deviation", text);
}

/// Says in one line what rows the file takes, and what it gives.
std::string rows_text(const app::ExportResult& result) {
  const std::optional<data::Preprocessing>& done = result.network.preprocessing;
  if (!done) return "Takes rows that are scaled as in training: the weights' file does not say how.\n";
  const char* units = done->changes_targets() ? " and gives targets in their units" : "";
  if (!done->changes_rows() && *units == '\0') return "Takes raw rows: they are not scaled.\n";
  if (result.raw_rows) return fmt::format("Takes raw rows{}: {} is part of the network.\n", units, formula(*done));
  const std::string& place = app::exporters().at(result.format).scaling_place;
  return fmt::format("Begins behind the scaling{}: rows are {}{}{}.\n",
                     *units == '\0' ? "" : " and ends before that of the targets", formula(*done),
                     place.empty() ? "" : "; ", place);
}

std::string report_text(const app::ExportResult& result) {
  std::string text = fmt::format("Written: {} ({}, {} with the weights of {})\n", result.file.string(), result.format,
                                 result.network.graph.name, result.network.weights_origin);
  text += rows_text(result);
  if (result.check)
    text += fmt::format("Checked: read again it is {}; largest difference of an output: {}\n",
                        result.check->same_graph ? "the same network" : "a network of other nodes",
                        result.check->largest_difference);
  return text;
}

ExitCode run_export(const Invocation& invocation) {
  app::ExportRequest wanted{.format = invocation.text("--format").value_or(""),
                            .file = invocation.text("--output").value_or(""),
                            .check = invocation.has("--check")};
  for (const app::Exporter& exporter : app::exporters()) {
    for (const app::ExporterOption& option : exporter.options) {
      const std::string flag = "--" + option.name;
      if (invocation.has(flag)) wanted.options[option.name] = invocation.text(flag).value_or("");
    }
  }
  const app::ExportResult result = app::export_network(invocation, wanted);
  print(invocation.json ? json_text(result) : report_text(result));
  return ExitCode::kSuccess;
}

/// Prints `onnx, qonnx and qdq`.
std::string listed(const std::vector<std::string>& names) {
  if (names.size() < 2) return fmt::format("{}", fmt::join(names, ""));
  return fmt::format("{} and {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

Flag format_flag() {
  std::string help;
  for (const app::Exporter& exporter : app::exporters())
    help += fmt::format("{}{}: {}", help.empty() ? "" : "; ", exporter.name, exporter.help);
  return {.names = {"--format"},
          .value_name = "FORM",
          .help = fmt::format("{} (default: {})", help, app::exporters().begin()->name),
          .choices = app::exporters().names()};
}

Flag output_flag() {
  std::vector<std::string> defaults;
  for (const app::Exporter& exporter : app::exporters()) {
    std::string name = "MODEL" + exporter.suffix;
    if (std::find(defaults.begin(), defaults.end(), name) == defaults.end()) defaults.push_back(std::move(name));
  }
  return {.names = {"--output", "-o"},
          .value_name = "PATH",
          .help = fmt::format("file to write (default: {} here)", fmt::join(defaults, ", "))};
}

/// Declares the flag of an option, saying whose it is where not every format has it.
Flag option_flag(const app::ExporterOption& option) {
  std::vector<std::string> owners, by_default;
  for (const app::Exporter& exporter : app::exporters()) {
    for (const app::ExporterOption& other : exporter.options) {
      if (other.name != option.name) continue;
      owners.push_back(exporter.name);
      if (other.by_default) by_default.push_back(exporter.name);
    }
  }
  std::string help = option.help;
  if (owners.size() < app::exporters().size()) help = fmt::format("{}: {}", fmt::join(owners, ", "), help);
  if (!by_default.empty()) help += fmt::format(" (default of {})", listed(by_default));
  return {.names = {"--" + option.name}, .value_name = option.value_name, .help = std::move(help)};
}

std::vector<Flag> export_flags() {
  std::vector<Flag> flags = {format_flag(), output_flag()};
  for (const app::Exporter& exporter : app::exporters()) {
    for (const app::ExporterOption& option : exporter.options) {
      const auto known = [&](const Flag& flag) { return flag.names.front() == "--" + option.name; };
      if (std::none_of(flags.begin(), flags.end(), known)) flags.push_back(option_flag(option));
    }
  }
  flags.push_back(
      {.names = {"--check"}, .value_name = "", .help = "read the file again and compare networks and outputs"});
  for (Flag& flag : trial_flags()) flags.push_back(std::move(flag));
  return flags;
}

}  // namespace

Command export_command() {
  return {
      .name = "export",
      .summary = "write a network with its weights for other programs",
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
      .flags = export_flags(),
      .takes_model = true,
      .takes_dataset = true,
      .takes_trial = true,
      .run = run_export};
}

}  // namespace lathe::cli
