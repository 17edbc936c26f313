#include "lathe/space/pipeline.h"

#include <array>
#include <chrono>

#include "lathe/base/log.h"
#include "lathe/ir/passes/quantize.h"
#include "lathe/ir/passes/scale_channels.h"
#include "lathe/model/zoo.h"

namespace lathe::space {
namespace {

/// Holds the settings of all passes.
struct PassSettings {
  ir::ScaleChannelsSettings scale_channels;
  ir::QuantizeSettings quantize;
};

/// Names a pass, tells whether anything is asked of it, and applies it.
struct Pass {
  const char* name;
  bool (*asked)(const PassSettings&);
  ir::Graph (*apply)(const ir::Graph&, const PassSettings&);
};

/// Lists the passes in their order: formats are attached to the tensors that the widths leave.
constexpr std::array<Pass, 2> kPasses{{
    {"scale_channels", [](const PassSettings& settings) { return !settings.scale_channels.nodes.empty(); },
     [](const ir::Graph& graph, const PassSettings& settings) {
       return ir::scale_channels(graph, settings.scale_channels);
     }},
    {"quantize", [](const PassSettings& settings) { return !settings.quantize.nodes.empty(); },
     [](const ir::Graph& graph, const PassSettings& settings) { return ir::quantize(graph, settings.quantize); }},
}};

PassSettings pass_settings(const ir::Graph& base, const NodeConfigs& configs) {
  PassSettings settings;
  settings.scale_channels.hint = [&base](const std::string& node) { return model::other_version_hint(base, node); };
  for (const auto& [node, config] : configs) {
    if (config.channels) settings.scale_channels.nodes.emplace_back(node, *config.channels);
    if (config.quantization) settings.quantize.nodes.emplace_back(node, *config.quantization);
  }
  return settings;
}

ir::Graph apply_logged(const Pass& pass, const ir::Graph& graph, const PassSettings& settings) {
  if (!log::enabled(log::Level::kDebug)) return pass.apply(graph, settings);
  const auto start = std::chrono::steady_clock::now();
  ir::Graph result = pass.apply(graph, settings);
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  log::debug("pass {}: {:.1f} us, widths {}, {}", pass.name, time.count(), width_summary(result),
             bits_summary(result).empty() ? "float" : bits_summary(result));
  return result;
}

}  // namespace

NodeConfigs read_node_configs(const SampledConfig& config) {
  NodeConfigs configs;
  configs.reserve(config.size());
  std::vector<model::NodeKey> keys;
  for (const auto& [node, values] : config) {
    if (node == kTraining) continue;
    keys.clear();
    for (const auto& [name, value] : values) keys.push_back({.name = name, .value = value});
    for (model::NodeKey& key : keys) key.full_key = node + "/config/" + key.name;
    configs.emplace_back(node, model::parse_node_config(keys));
  }
  return configs;
}

ir::Graph apply_pipeline(const ir::Graph& base, const NodeConfigs& configs) {
  const PassSettings settings = pass_settings(base, configs);
  std::optional<ir::Graph> graph;
  for (const Pass& pass : kPasses) {
    if (pass.asked(settings)) graph = apply_logged(pass, graph ? *graph : base, settings);
  }
  return graph ? std::move(*graph) : base;
}

}  // namespace lathe::space
