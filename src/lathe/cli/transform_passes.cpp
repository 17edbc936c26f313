#include "lathe/cli/transform_passes.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/cli/terminal.h"
#include "lathe/config/field.h"
#include "lathe/ir/report.h"
#include "lathe/model/node_selection.h"
#include "lathe/space/pipeline.h"

namespace lathe::cli {
namespace {

/// Names a pass of MASE's transform action and says what becomes of it: `apply` where it is honoured, else `reason`;
/// `refused` passes are errors, the others warnings.
struct PassEntry {
  const char* name;
  ir::Graph (*apply)(const config::Member&, const ir::Graph&, bool report);
  const char* reason;
  bool refused = false;
};

ir::Graph act_on_nodes(const config::Member& pass, const ir::Graph& graph, bool) {
  const space::NodeConfigs configs = model::select_nodes(pass.value, graph);
  try {
    return space::apply_pipeline(graph, configs);
  } catch (const UserError& error) {
    pass.value.fail(error.what());
  }
}

struct ReportSettings {
  std::string file_name;
};

ir::Graph report_graph(const config::Member& pass, const ir::Graph& graph, bool report) {
  ReportSettings settings;
  config::decode(pass.value, {config::field("file_name", &ReportSettings::file_name, "also write it to this file")},
                 settings);
  if (report) print(ir::graph_report(graph) + "\n");
  if (!settings.file_name.empty()) write_text_file_atomically(settings.file_name, ir::graph_report(graph));
  return graph;
}

ir::Graph verify_graph(const config::Member&, const ir::Graph& graph, bool) {
  ir::verify(graph);
  return graph;
}

constexpr const char* kMetadata = "lathe's graphs carry shapes and formats by themselves";
constexpr const char* kStatistics = "no statistics are collected; it changes no network";
constexpr const char* kFiles = "the transformed network is written to a model file anyway";
constexpr const char* kPruning = "lathe does not prune networks";

constexpr PassEntry kPasses[] = {
    {"scale_channels", act_on_nodes, ""},
    {"quantize", act_on_nodes, ""},
    {"report_graph", report_graph, ""},
    {"verify_common_metadata", verify_graph, ""},
    {"init_metadata", nullptr, kMetadata},
    {"add_common_metadata", nullptr, kMetadata},
    {"add_software_metadata", nullptr, kMetadata},
    {"add_hardware_metadata", nullptr, kMetadata},
    {"verify_software_metadata", nullptr, kMetadata},
    {"verify_hardware_metadata", nullptr, kMetadata},
    {"add_pruning_metadata", nullptr, kMetadata},
    {"add_natural_sparsity", nullptr, kStatistics},
    {"profile_statistics", nullptr, kStatistics},
    {"hook_inspection", nullptr, kStatistics},
    {"report_node_type", nullptr, "lathe info shows ops, shapes and formats"},
    {"report_node_shape", nullptr, "lathe info shows ops, shapes and formats"},
    {"report_node_hardware_type", nullptr, "lathe info shows ops, shapes and formats"},
    {"report_node_meta_param", nullptr, "lathe info shows ops, shapes and formats"},
    {"summarize_quantization", nullptr, "both networks are printed with their formats"},
    {"calculate_avg_bits", nullptr, "lathe info --costs shows average bits"},
    {"save_mase_graph", nullptr, kFiles},
    {"save_node_meta_param", nullptr, kFiles},
    {"load_mase_graph", nullptr, "MASE's pickled graphs cannot be read; load weights with --load", true},
    {"load_node_meta_param", nullptr, "MASE's metadata files cannot be read", true},
    {"prune", nullptr, kPruning, true},
    {"remove_prune_wrappers", nullptr, kPruning, true},
    {"prune_detach_hook", nullptr, kPruning, true},
    {"conv_bn_fusion", nullptr,
     "back ends fuse convolution and batch norm when they run a network; its own layers stay", true},
    {"logicnets_fusion", nullptr, "LogicNets layers do not exist here", true},
    {"onnx_annotate", nullptr, "lathe export writes ONNX; nothing has to be annotated", true},
};

const PassEntry& find_pass(const config::Member& pass) {
  for (const PassEntry& entry : kPasses)
    if (pass.name == entry.name) return entry;
  std::vector<std::string> names;
  for (const PassEntry& entry : kPasses)
    if (entry.apply != nullptr) names.emplace_back(entry.name);
  throw UserError(pass.key_position, "passes." + pass.name, "unknown pass" + suggestion(pass.name, names));
}

}  // namespace

ir::Graph apply_pass(const config::Member& pass, const ir::Graph& graph, bool report) {
  const PassEntry& entry = find_pass(pass);
  if (entry.apply != nullptr) return entry.apply(pass, graph, report);
  if (entry.refused) throw UserError(pass.key_position, "passes." + pass.name, std::string("refused: ") + entry.reason);
  log::warning("passes.{} has no effect: {}", pass.name, entry.reason);
  return graph;
}

std::string passes_description() {
  std::string honoured, without_effect;
  for (const PassEntry& entry : kPasses) {
    if (entry.refused) continue;
    std::string& list = entry.apply != nullptr ? honoured : without_effect;
    list += (list.empty() ? "" : ", ") + std::string(entry.name);
  }
  return fmt::format("Passes: {}. Accepted without effect, with a warning: {}.", honoured, without_effect);
}

}  // namespace lathe::cli
