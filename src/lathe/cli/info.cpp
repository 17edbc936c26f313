#include <fmt/format.h>

#include "lathe/app/inputs.h"
#include "lathe/app/network.h"
#include "lathe/base/json.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/model_summary.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/trial_flags.h"
#include "lathe/ir/analysis/costs.h"
#include "lathe/ir/report.h"
#include "lathe/model/zoo.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

Json json_of(const ir::NodeCosts& node) {
  return {{"name", node.name},
          {"op", node.op},
          {"parameters", node.parameters},
          {"buffers", node.buffers},
          {"total_parameters", node.lab_parameters},
          {"macs", node.macs},
          {"computations", node.flops},
          {"backward_computations", node.backward_flops},
          {"input_buffer_size", node.input_elements},
          {"output_buffer_size", node.output_elements},
          {"bitops", node.bitops},
          {"lab_bitops", node.lab_bitops},
          {"weight_bits", node.weight_bits},
          {"bias_bits", node.bias_bits},
          {"activation_bits", node.activation_bits}};
}

Json json_of(const ir::GraphCosts& costs, double compare_to) {
  Json json = {{"batch_size", costs.batch_size}, {"nodes", Json::array()}, {"total", json_of(costs.total)}};
  for (const ir::NodeCosts& node : costs.nodes) json["nodes"].push_back(json_of(node));
  json["total"].erase("op");
  json["flops"] = costs.total.flops;
  json["bitops"] = costs.total.bitops;
  json["lab_bitops"] = costs.total.lab_bitops;
  json["model_size_bytes"] = costs.model_bytes;
  json["quantized_model_size_bytes"] = costs.quantized_model_bytes;
  json["average_bitwidth"] = costs.average_bitwidth;
  json["memory_density"] = costs.memory_density(compare_to);
  json["average_weight_bits"] = costs.average_weight_bits;
  json["average_bias_bits"] = costs.average_bias_bits;
  json["average_activation_bits"] = costs.average_activation_bits;
  return json;
}

std::vector<std::string> cells(const ir::NodeCosts& node) {
  return {node.name,
          node.op,
          report::count_text(node.parameters),
          report::count_text(node.buffers),
          report::count_text(node.lab_parameters),
          report::count_text(node.macs),
          report::count_text(node.flops),
          report::count_text(node.backward_flops),
          report::count_text(node.input_elements),
          report::count_text(node.output_elements),
          fmt::format("{}/{}", report::number_text(node.weight_bits), report::number_text(node.activation_bits)),
          report::count_text(static_cast<long long>(node.bitops)),
          report::count_text(static_cast<long long>(node.lab_bitops))};
}

std::string cost_table(const ir::GraphCosts& costs) {
  using enum report::Alignment;
  std::vector<report::TableColumn> columns = {{"node", kLeft, 0}, {"op", kLeft, 0}};
  for (const char* title : {"parameters", "buffers", "total_parameters", "MACs", "computations", "backward",
                            "input buffer", "output buffer", "bits w/a", "BitOPs", "lab BitOPs"})
    columns.push_back({title, kRight, 0});
  report::Table table(std::move(columns));
  for (const ir::NodeCosts& node : costs.nodes) table.add_row(cells(node));
  table.add_rule();
  table.add_row(cells(costs.total));
  return table.to_string({.width = 0, .unicode = report::style_for(kStandardOutput).unicode});
}

std::string cost_text(const ir::GraphCosts& costs, double compare_to) {
  std::string text = fmt::format("Costs of a batch of {} (computations in the labs' convention: a MAC counts as one)\n",
                                 costs.batch_size);
  text += cost_table(costs);
  text += fmt::format("model size: {} bytes in float, {} in its formats\n", report::number_text(costs.model_bytes, 15),
                      report::number_text(costs.quantized_model_bytes, 15));
  text += fmt::format("average_bitwidth: {} (weights of quantised layers), memory_density: {} (against {})\n",
                      report::number_text(costs.average_bitwidth),
                      report::number_text(costs.memory_density(compare_to)), report::number_text(compare_to));
  return text + fmt::format("bits on average over all layers: weights {}, biases {}, activations {}\n",
                            report::number_text(costs.average_weight_bits),
                            report::number_text(costs.average_bias_bits),
                            report::number_text(costs.average_activation_bits));
}

Json zoo_json() {
  Json list = Json::array();
  for (const model::ZooEntry& entry : model::zoo())
    list.push_back({{"name", entry.name}, {"aliases", entry.aliases}, {"description", entry.description}});
  return {{"schema_version", 1}, {"models", std::move(list)}};
}

std::string zoo_text() {
  using enum report::Alignment;
  report::Table table({{"model", kLeft, 0}, {"parameters", kRight, 0}, {"row", kRight, 0}, {"description", kLeft, 24}});
  for (const model::ZooEntry& entry : model::zoo()) {
    const ir::Graph graph = model::make_model(entry.name, entry.usual);
    table.add_row({entry.name, report::count_text(ir::trainable_parameters(graph)),
                   model::size_text(entry.usual.input_shape), entry.description});
  }
  return table.to_string(report::style_for(kStandardOutput)) +
         "(parameters for rows of this size: features in 5 classes, images in 10, texts of 256 kinds of tokens in 2)\n";
}

ExitCode list_models(const Invocation& invocation) {
  print(invocation.json ? dump_json(zoo_json(), 2) + "\n" : zoo_text());
  return ExitCode::kSuccess;
}

bool names_network(const Invocation& invocation) {
  return invocation.settings.model_is_table || !invocation.settings.model.empty() ||
         !invocation.weights_to_load().empty();
}

ExitCode run_info(const Invocation& invocation) {
  if (!names_network(invocation)) return list_models(invocation);
  const app::StartingPoint start = app::network_without_data(invocation);
  const ir::Graph& graph = start.graph;
  const ir::GraphCosts costs = ir::costs(graph, invocation.settings.training.batch_size);
  if (invocation.json) {
    Json json = {{"schema_version", 1}, {"model", graph.name}, {"graph", ir::to_text(graph)}};
    json["trainable_parameters"] = costs.total.parameters;
    json["buffers"] = costs.total.buffers;
    if (start.preprocessing) json["preprocessing"] = app::preprocessing_json(start.preprocessing);
    if (invocation.has("--costs")) json["costs"] = json_of(costs, ir::kFloatBits);
    print(dump_json(json, 2) + "\n");
  } else if (invocation.has("--text")) {
    print(ir::to_text(graph));
  } else {
    print(ir::graph_report(graph) + "\n" + ir::module_text(graph) + "\n" +
          model_summary(graph, report::style_for(kStandardOutput)));
    if (invocation.has("--costs")) print("\n" + cost_text(costs, ir::kFloatBits));
  }
  return ExitCode::kSuccess;
}

}  // namespace

Command info_command() {
  std::vector<Flag> flags = {{.names = {"--costs"}, .value_name = "", .help = "print the costs of every node"},
                             {.names = {"--text"}, .value_name = "", .help = "print only lathe's text form"}};
  for (Flag& flag : trial_flags()) flags.push_back(std::move(flag));
  return {
      .name = "info",
      .summary = "Show a network and what it costs",
      .description =
          "Prints a network's graph, its layers and parameters; with --costs the computations, bits, "
          "buffers and sizes of every node for --batch-size samples. Without a model it lists the "
          "networks that have a name.",
      .examples = {{"lathe info", "lists the networks"},
                   {"lathe info jsc-tiny --batch-size 8 --costs", "counts every cost of a batch of 8"},
                   {"lathe info --from best.json --trial 3 --costs --json", "a candidate of a search, for a script"}},
      .flags = std::move(flags),
      .takes_model = true,
      .takes_dataset = true,
      .takes_trial = true,
      .run = run_info};
}

}  // namespace lathe::cli
