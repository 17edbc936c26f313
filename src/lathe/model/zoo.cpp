#include "lathe/model/zoo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "lathe/base/error.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/op.h"
#include "lathe/model/layers.h"

namespace lathe::model {
namespace {

const char* rows_text(Rows rows) {
  static constexpr const char* kTexts[] = {"rows of features [features]", "images [channels, height, width]",
                                           "texts [tokens]", "rows of features or images"};
  return kTexts[static_cast<int>(rows)];
}

void check_rows(const ZooEntry& entry, const ModelRequest& request) {
  const std::size_t dimensions = request.input_shape.size();
  const bool text = request.vocabulary > 0;
  const Rows given = text ? Rows::kTexts : dimensions == 3 ? Rows::kImages : Rows::kFeatures;
  const bool either = entry.rows == Rows::kFeaturesOrImages && !text;
  if ((given == entry.rows || either) && (dimensions == 1 || dimensions == 3)) return;
  throw UserError("model", fmt::format("{} reads {}; the data has {} of shape {}", entry.name, rows_text(entry.rows),
                                       text ? "texts" : "rows", to_string(request.input_shape)));
}

/// Cuts `-v1` and `-logits`, which tell versions of one network apart.
std::string family(std::string name) {
  for (const std::string suffix : {"-logits", "-v1"})
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  return name;
}

}  // namespace

const ZooEntry* find_model(std::string_view name) { return zoo().find(name); }

ir::Graph make_model(std::string_view name, const ModelRequest& request) {
  const ZooEntry& entry = zoo().at(name, "model");
  check_rows(entry, request);
  return build_chain(entry.name, request, entry.layers(request));
}

ir::Graph make_model(const config::Value& root, const ModelRequest& request) {
  const config::Value* model = root.find("model");
  if (model == nullptr) throw UserError("model", "no network is named");
  if (model->is_table()) return described_model(*model, request);
  if (find_model(model->as_string()) == nullptr) model->fail(zoo().unknown(model->as_string()));
  return make_model(model->as_string(), request);
}

std::string other_version_hint(const ir::Graph& graph, const std::string& node) {
  for (const ZooEntry& entry : zoo()) {
    const bool logits_differ = entry.name.ends_with("-logits") != graph.name.ends_with("-logits");
    if (entry.name == graph.name || logits_differ || family(entry.name) != family(graph.name)) continue;
    const ir::Graph other = make_model(entry.name, request_of(graph));
    const auto index = other.find(node);
    if (!index || !ir::sets_width(other.nodes[*index])) continue;
    return fmt::format("; in {} {} is {}", other.name, node,
                       ir::op_of(other.nodes[*index]).module_text(other.nodes[*index]));
  }
  return {};
}

}  // namespace lathe::model
