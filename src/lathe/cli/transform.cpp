#include <fmt/format.h>

#include "lathe/app/network.h"
#include "lathe/app/project.h"
#include "lathe/app/run_folder.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/data_facts.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/transform_passes.h"
#include "lathe/cli/trial_flags.h"
#include "lathe/ir/report.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Holds a finished transform.
struct Transformed {
  ir::Graph before, after;
  std::vector<std::string> passes;
  std::filesystem::path file;
};

/// Runs `[passes.*]` in the order of the file.
Transformed run_passes(const Invocation& invocation, const ir::Graph& graph) {
  Transformed result{graph, graph, {}, {}};
  const config::Value* passes = invocation.root.find("passes");
  if (passes == nullptr) throw UserError("passes", "the file has no [passes.*] tables: nothing to transform");
  for (const config::Member& member : passes->as_table()) {
    if (!member.value.is_table()) member.value.fail("expected a table");
    result.after = apply_pass(member, result.after, invocation.talkative());
    result.passes.push_back(member.name);
  }
  return result;
}

const engine::NamedTensor* find_tensor(const engine::State& state, const std::string& name) {
  for (const engine::NamedTensor& tensor : state)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

/// Takes over the weights whose shapes are as they were; the others stay fresh.
engine::State carried_over(const engine::State& loaded, engine::State fresh) {
  for (engine::NamedTensor& tensor : fresh) {
    const engine::NamedTensor* old = find_tensor(loaded, tensor.name);
    if (old != nullptr && old->shape == tensor.shape)
      tensor.values = old->values;
    else
      log::warning("{} has another shape now: its weights are fresh", tensor.name);
  }
  return fresh;
}

void save(const Invocation& invocation, const app::StartingPoint& start, Transformed& result) {
  const auto seed = static_cast<std::uint64_t>(invocation.settings.seed);
  engine::State state = engine::initial_state(result.after, seed, 0, 0);
  if (start.state) state = carried_over(*start.state, std::move(state));
  const std::filesystem::path folder =
      app::new_run_folder(app::project_folder(invocation.settings), "transform", "settings.toml",
                          recipe::resolved_document(invocation.root, invocation.settings));
  result.file = folder / "transformed.safetensors";
  checkpoint::Facts facts = {{"weights", start.weights_origin}};
  checkpoint::store_preprocessing(start.preprocessing, facts);
  checkpoint::save_model(result.file, result.after, state, facts);
}

std::string json_text(const Transformed& result) {
  const Json json = {{"schema_version", 1},
                     {"model", result.after.name},
                     {"passes", result.passes},
                     {"graph_before", ir::to_text(result.before)},
                     {"graph", ir::to_text(result.after)},
                     {"trainable_parameters_before", ir::trainable_parameters(result.before)},
                     {"trainable_parameters", ir::trainable_parameters(result.after)},
                     {"file", result.file.string()}};
  return dump_json(json, 2) + "\n";
}

std::string report_text(const Transformed& result) {
  return fmt::format("Before:\n{}trainable parameters: {}\n\nAfter:\n{}trainable parameters: {}\n\nWritten: {}\n",
                     ir::module_text(result.before), report::count_text(ir::trainable_parameters(result.before)),
                     ir::module_text(result.after), report::count_text(ir::trainable_parameters(result.after)),
                     result.file.string());
}

ExitCode run_transform(const Invocation& invocation) {
  const app::StartingPoint start = app::network_without_data(invocation);
  log::info("Transforming model '{}'...", start.graph.name);
  Transformed result = run_passes(invocation, start.graph);
  save(invocation, start, result);
  print(invocation.json ? json_text(result) : report_text(result));
  log::info("Transformation is completed");
  return ExitCode::kSuccess;
}

}  // namespace

Command transform_command() {
  return {.name = "transform",
          .summary = "Run the passes of a file over a network",
          .description =
              "Runs the tables of [passes.*] in the order of the file over the network, prints it before and "
              "after as PyTorch does, with the trainable parameters, and writes it as a model file, "
              "PROJECT/transform/transformed.safetensors (the next one into transform-2, and so on). Weights "
              "of --load are carried over where their shapes stay; all others are fresh.\n\n" +
              passes_description(),
          .examples = {{"lathe transform --config study.toml", "runs [passes.*] of study.toml"}},
          .flags = trial_flags(),
          .takes_model = true,
          .takes_dataset = true,
          .needs_config = true,
          .takes_trial = true,
          .run = run_transform};
}

}  // namespace lathe::cli
