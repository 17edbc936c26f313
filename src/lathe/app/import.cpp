#include "lathe/app/import.h"

#include "lathe/checkpoint/checkpoint.h"
#include "lathe/checkpoint/data_facts.h"

namespace lathe::app {

onnx::ImportedModel import_network(const std::filesystem::path& file, const std::filesystem::path& output) {
  onnx::ImportedModel model = onnx::import_onnx(file);
  if (output.empty()) return model;
  checkpoint::Facts facts = {{"weights", file.string()}, {"imported.producer", model.producer}};
  checkpoint::store_preprocessing(model.preprocessing, facts);
  checkpoint::save_model(output, model.graph, model.state, facts);
  return model;
}

}  // namespace lathe::app
