#include "lathe/app/import.h"

#include <fmt/format.h>

#include "lathe/app/inputs.h"
#include "lathe/base/json.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/model_summary.h"
#include "lathe/cli/terminal.h"
#include "lathe/ir/report.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

std::string json_text(const onnx::ImportedModel& model, const std::string& output) {
  const Json json = {{"schema_version", 1},
                     {"model", model.graph.name},
                     {"producer", model.producer},
                     {"onnx_nodes", model.nodes},
                     {"graph", ir::to_text(model.graph)},
                     {"trainable_parameters", ir::trainable_parameters(model.graph)},
                     {"preprocessing", app::preprocessing_json(model.preprocessing)},
                     {"file", output.empty() ? Json(nullptr) : Json(output)}};
  return dump_json(json, 2) + "\n";
}

std::string report_text(const onnx::ImportedModel& model, const std::string& output) {
  const std::string written = output.empty() ? "Nothing written: --output model.safetensors keeps it as a model file.\n"
                                             : "Written: " + output + "\n";
  return fmt::format("{}\n{} nodes of ONNX{} became {} of lathe{}\n{}",
                     model_summary(model.graph, report::style_for(kStandardOutput)), model.nodes,
                     model.producer.empty() ? "" : " (" + model.producer + ")", model.graph.nodes.size() - 2,
                     model.preprocessing ? "; the file says how rows are scaled" : "", written);
}

ExitCode run_import(const Invocation& invocation) {
  const std::string output = invocation.text("--output").value_or("");
  const onnx::ImportedModel model = app::import_network(invocation.words.at(0), output);
  print(invocation.json ? json_text(model, output) : report_text(model, output));
  return ExitCode::kSuccess;
}

}  // namespace

Command import_command() {
  return {
      .name = "import",
      .summary = "read a network and its weights from an ONNX file",
      .description =
          "Reads FILE, as torch.onnx.export (opsets 9 to 17), QONNX or lathe export write it, and prints its layers. "
          "With --output it is kept as a model file for --load. All commands take an ONNX file directly, too: as "
          "MODEL, as --load or as model = \"FILE.onnx\" in a study file. What is read: docs/onnx.md.",
      .examples = {{"lathe import net.onnx", "prints the layers of a network"},
                   {"lathe import net.onnx --output net.safetensors", "keeps it as a model file"},
                   {"lathe import net.onnx --json", "the graph's text and the number of parameters, for a script"}},
      .words = {{.name = "FILE", .help = "ONNX file; tensors in external files are read beside it"}},
      .flags = {{.names = {"--output", "-o"}, .value_name = "PATH", .help = "model file (safetensors) to write"}},
      .takes_settings = false,
      .run = run_import};
}

}  // namespace lathe::cli
